"""The design's example, computed by hand: balanced, 500 tokens in and 1,000 out.

V = 40 USD / 1e6 * (1,000 + 500 / 4) = 40e-6 * 1,125 = 0.045 USD. W = 0.045 / 3600 = 0.0000125 USD/s.
gpt-4.1 at $2/$8 costs 500 * 2e-6 + 1,000 * 8e-6 = 0.009 USD; nano at $0.10/$0.40 costs 0.00045 USD.
The difference, 0.00855 USD, is 0.19 of V: so much more success, below 0.75, is what gpt-4.1 must bring.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.catalog import Policy
from pointsman.gateway.core.utility import Stakes, score_usd, stakes_of, terms_of
from tests.unit.gateway.core.samples import BALANCED, CHEAP, QUALITY

STAKES = stakes_of(BALANCED, input_token_count=500, output_token_count=1_000)
GPT_41_COST_USD = 0.009
NANO_COST_USD = 0.00045


def score(success: float, cost_usd: float, *, latency_s: float = 0.0, availability: float = 1.0, stakes: Stakes = STAKES) -> float:
    return score_usd(stakes, success, availability, cost_usd, latency_s)


def test_worth_and_cost_of_waiting_of_the_example() -> None:
    assert STAKES.value_usd == pytest.approx(0.045)
    assert STAKES.latency_usd_per_s == pytest.approx(0.045 / 3600)
    assert STAKES.good_enough == 0.75


@pytest.mark.parametrize(
    ("more_success", "gpt_41_wins"),
    [pytest.param(0.189, False, id="0.189_more_is_too_little"), pytest.param(0.191, True, id="0.191_more_is_enough")],
)
def test_gpt_41_replaces_nano_only_for_0_19_more_success(more_success: float, gpt_41_wins: bool) -> None:  # noqa: FBT001  # a table's column
    nano = score(0.5, NANO_COST_USD)
    gpt_41 = score(0.5 + more_success, GPT_41_COST_USD)
    assert (gpt_41 > nano) is gpt_41_wins


def test_above_good_enough_more_success_earns_nothing() -> None:
    # 0.70 and 0.99: only 0.05 of the difference counts, and 0.05 * 0.045 = 0.00225 < 0.00855.
    assert score(0.99, GPT_41_COST_USD) < score(0.70, NANO_COST_USD)
    assert score(0.99, GPT_41_COST_USD) == pytest.approx(0.75 * 0.045 - 0.009)


def test_a_whole_sum_by_hand() -> None:
    # 0.045 * 0.6 * 0.9 - 0.009 - 0.0000125 * 20 = 0.0243 - 0.009 - 0.00025 = 0.01505.
    assert score(0.6, 0.009, latency_s=20.0, availability=0.9) == pytest.approx(0.01505, abs=1e-12)


@pytest.mark.parametrize(
    ("policy", "value_usd"),
    [pytest.param(CHEAP, 0.009, id="cheap"), pytest.param(BALANCED, 0.045, id="balanced"), pytest.param(QUALITY, 0.9, id="quality")],
)
def test_worth_by_policy(policy: Policy, value_usd: float) -> None:
    assert stakes_of(policy, input_token_count=500, output_token_count=1_000).value_usd == pytest.approx(value_usd)


def test_a_policy_may_set_a_worth_per_answer_and_a_cost_of_waiting() -> None:
    policy = Policy("p", 0.0, 1.0, value_usd=2.0, latency_value_usd_per_s=0.5)
    assert stakes_of(policy, input_token_count=4, output_token_count=4) == Stakes(2.0, 1.0, 0.5)


UNIT = st.floats(0.0, 1.0)
USD = st.floats(0.0, 10.0)


@given(UNIT, UNIT, USD, st.floats(0.0, 600.0))
def test_the_terms_sum_to_the_score_to_the_last_bit(success: float, availability: float, cost_usd: float, latency_s: float) -> None:
    terms = terms_of(STAKES, success_probability=success, availability=availability, cost_usd=cost_usd, latency_s=latency_s)
    assert terms.value_usd + terms.cost_usd + terms.latency_usd == score_usd(STAKES, success, availability, cost_usd, latency_s)
    assert terms.cost_usd <= 0.0
    assert terms.latency_usd <= 0.0


@given(UNIT, st.integers(1, 1000))
def test_the_preference_does_not_depend_on_length(success: float, times: int) -> None:
    long = stakes_of(BALANCED, input_token_count=500 * times, output_token_count=1_000 * times)
    short_gap = score(success, GPT_41_COST_USD) - score(0.5, NANO_COST_USD)
    long_gap = score(success, GPT_41_COST_USD * times, stakes=long) - score(0.5, NANO_COST_USD * times, stakes=long)
    assert long_gap == pytest.approx(short_gap * times, abs=1e-9)
