from dataclasses import replace
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.catalog import Price, PriceTier
from pointsman.gateway.core.money import (
    UNLIMITED,
    TokenUsage,
    affordable_output_token_count,
    attempt_cost_nanousd,
    format_usd,
    worst_case_nanousd,
)
from tests.unit.gateway.core.samples import FREE, price

COUNTS = st.integers(min_value=0, max_value=2_000_000)
RATES = st.integers(min_value=0, max_value=200_000_000)
PRICES = st.builds(Price, RATES, RATES, RATES, RATES)
# Above 200,000 tokens in, input costs $2.50 instead of $1.25, cached $0.25 instead of $0.125, output $15 instead of $10.
TIERED = Price(1_250_000, 125_000, 1_250_000, 10_000_000, tiers=(PriceTier(200_000, 2_500_000, 250_000, 15_000_000),))


@pytest.mark.parametrize(
    ("of", "usage", "nanousd"),
    [
        # $0.0375 per Mtok = 37,500 pico-dollars a token: 1 token is 37.5 nano-dollars, rounded up.
        pytest.param(price(0.0375, 0.15), TokenUsage(1, 0), 38, id="one_token_is_rounded_up"),
        # 3 * 37.5 = 112.5 -> 113, not 3 * 38 = 114.
        pytest.param(price(0.0375, 0.15), TokenUsage(3, 0), 113, id="the_sum_is_rounded_not_the_token"),
        # 1 * 37.5 + 1 * 150 = 187.5 -> 188.
        pytest.param(price(0.0375, 0.15), TokenUsage(1, 1), 188, id="input_and_output_are_rounded_together"),
        # 2 * 37.5 = 75 exactly.
        pytest.param(price(0.0375, 0.15), TokenUsage(2, 0), 75, id="a_whole_sum_is_kept"),
        # 1,000,000 * $0.0375 / 1e6 = $0.0375.
        pytest.param(price(0.0375, 0.15), TokenUsage(1_000_000, 0), 37_500_000, id="a_million_tokens_cost_the_price"),
        # 500 * 0.10 + 1,000 * 0.40 = 450 micro-dollars.
        pytest.param(price(0.10, 0.40), TokenUsage(500, 1_000), 450_000, id="nano_500_in_1000_out"),
        # (1000 - 600 - 100) * 3 + 600 * 0.3 + 100 * 3.75 + 200 * 15 = 900 + 180 + 375 + 3000 = 4,455 micro-dollars.
        pytest.param(
            Price(3_000_000, 300_000, 3_750_000, 15_000_000), TokenUsage(1_000, 200, 600, 100), 4_455_000, id="cached_and_written_tokens"
        ),
        # 2 images of $0.0036 and 10 tokens of $1 = 7,200 + 10 micro-dollars.
        pytest.param(price(1.0, 1.0, image_microusd=3_600), TokenUsage(10, 0, image_count=2), 7_210_000, id="images"),
        # 200,000 * 1.25 = $0.25: the tier is for more than 200,000.
        pytest.param(TIERED, TokenUsage(200_000, 0), 250_000_000, id="at_the_tier_the_lower_price_holds"),
        # 200,001 * 2.5 + 1 * 15 = 500,017.5 micro-dollars.
        pytest.param(TIERED, TokenUsage(200_001, 1), 500_017_500, id="above_the_tier_all_tokens_cost_more"),
        # 100,001 * 2.5 + 100,000 * 0.25 = 275,002.5 micro-dollars.
        pytest.param(TIERED, TokenUsage(200_001, 0, 100_000), 275_002_500, id="the_tier_has_its_own_cached_price"),
        pytest.param(FREE, TokenUsage(10_000, 10_000), 0, id="free"),
        pytest.param(price(1.0, 1.0), TokenUsage(5, 0, 10), 10_000, id="more_cached_than_input_is_billed_as_cached"),
    ],
)
def test_cost_of_an_attempt(of: Price, usage: TokenUsage, nanousd: int) -> None:
    assert attempt_cost_nanousd(of, usage) == nanousd


@pytest.mark.parametrize(
    "field", ["input_token_count", "output_token_count", "cached_input_token_count", "cache_write_token_count", "image_count"]
)
def test_negative_counts_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        attempt_cost_nanousd(FREE, replace(TokenUsage(1, 1), **{field: -1}))


@given(PRICES, COUNTS, COUNTS)
def test_cost_equals_exact_decimal_arithmetic_rounded_up(of: Price, input_count: int, output_count: int) -> None:
    usd = Decimal(input_count) * of.input_microusd_per_mtok + Decimal(output_count) * of.output_microusd_per_mtok
    exact = (usd / 1000).to_integral_value(ROUND_CEILING)
    assert attempt_cost_nanousd(of, TokenUsage(input_count, output_count)) == exact


@given(PRICES, COUNTS, COUNTS, st.integers(0, 100), st.integers(0, 100))
def test_the_worst_case_is_never_exceeded(of: Price, input_count: int, output_count: int, written: int, shorter: int) -> None:
    of = replace(of, cached_input_microusd_per_mtok=min(of.cached_input_microusd_per_mtok, of.input_microusd_per_mtok))
    worst = worst_case_nanousd(of, input_token_count=input_count, output_token_count=output_count)
    used_input = max(0, input_count - shorter)
    used = TokenUsage(used_input, max(0, output_count - shorter), cache_write_token_count=min(written, used_input))
    assert attempt_cost_nanousd(of, used) <= worst


def test_the_worst_case_takes_the_dearest_tier_that_the_input_may_reach() -> None:
    # 200,001 * 2.5 + 100 * 15 = 501,502.5 micro-dollars.
    assert worst_case_nanousd(TIERED, input_token_count=200_001, output_token_count=100) == 501_502_500
    assert worst_case_nanousd(TIERED, input_token_count=200_000, output_token_count=0) == 250_000_000


@given(PRICES, COUNTS, st.integers(0, 10**9))
def test_affordable_output_stays_within_the_limit_and_one_more_does_not(of: Price, input_count: int, limit: int) -> None:
    count = affordable_output_token_count(of, limit_nanousd=limit, input_token_count=input_count)
    if worst_case_nanousd(of, input_token_count=input_count, output_token_count=0) > limit:
        assert count == 0
    elif of.output_microusd_per_mtok == 0:
        assert count == UNLIMITED
    else:
        assert worst_case_nanousd(of, input_token_count=input_count, output_token_count=count) <= limit
        # The limit is told in whole nano-dollars, so the next token exceeds it by less than its own rounding.
        assert worst_case_nanousd(of, input_token_count=input_count, output_token_count=count + 2) >= limit


@pytest.mark.parametrize(
    ("nanousd", "text"),
    [(0, "$0"), (1, "$0.000000001"), (120_000, "$0.00012"), (1_000_000_000, "$1"), (10_500_000_000, "$10.5"), (-250, "-$0.00000025")],
)
def test_dollars_are_told_exactly(nanousd: int, text: str) -> None:
    assert format_usd(nanousd) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_decimal_dollars_lose_nothing(nanousd: int) -> None:
    assert Decimal(format_usd(nanousd).replace("$", "")) * 1_000_000_000 == nanousd
