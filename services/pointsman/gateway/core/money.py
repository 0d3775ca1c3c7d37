"""What a call costs: the only arithmetic with prices, for estimates, worst cases and bills alike.

Prices are pico-dollars per token. One attempt is summed in pico-dollars and rounded up once to
nano-dollars, so that sums equal the provider's bill to the nano-dollar of each attempt.
"""

from dataclasses import dataclass
from decimal import Decimal

from pointsman.gateway.core.catalog import Price, PriceTier

PICOUSD_PER_NANOUSD = 1_000
PICOUSD_PER_MICROUSD = 1_000_000
NANOUSD_PER_USD = 1_000_000_000
# More tokens than any model gives, and still an int32 for those who send it on.
UNLIMITED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one attempt as providers count them; all are 0 or more."""

    input_token_count: int  # cached and cache-written ones included
    output_token_count: int  # reasoning ones included
    cached_input_token_count: int = 0
    cache_write_token_count: int = 0
    image_count: int = 0


def attempt_cost_nanousd(price: Price, usage: TokenUsage) -> int:
    """Cost of one attempt in nano-dollars, rounded up once.

    Raises ValueError for a negative count. Cached tokens beyond the input are billed as cached, not refused.
    """
    counts = (usage.input_token_count, usage.output_token_count, usage.cached_input_token_count)
    if min(*counts, usage.cache_write_token_count, usage.image_count) < 0:
        raise ValueError("cost of an attempt: token counts are 0 or more")
    rates = _rates_for(price, usage.input_token_count)
    uncached_count = max(0, usage.input_token_count - usage.cached_input_token_count - usage.cache_write_token_count)
    picousd = (
        uncached_count * rates.input_microusd_per_mtok
        + usage.cached_input_token_count * rates.cached_input_microusd_per_mtok
        + usage.cache_write_token_count * price.cache_write_microusd_per_mtok
        + usage.output_token_count * rates.output_microusd_per_mtok
        + usage.image_count * (price.image_microusd or 0) * PICOUSD_PER_MICROUSD
    )
    return _rounded_up(picousd)


def worst_case_nanousd(price: Price, usage: TokenUsage) -> int:
    """Most that an attempt can cost in nano-dollars, of at most this many tokens.

    Nothing is taken to be cached, every token may be written to the cache, and the dearest tier that
    the input may reach applies, since a shorter input may fall into a dearer one.
    """
    reachable = _reachable(price, usage.input_token_count)
    input_rate = max(price.cache_write_microusd_per_mtok, *(rates.input_microusd_per_mtok for rates in reachable))
    output_rate = max(rates.output_microusd_per_mtok for rates in reachable)
    picousd = usage.input_token_count * input_rate + usage.output_token_count * output_rate
    return _rounded_up(picousd + usage.image_count * (price.image_microusd or 0) * PICOUSD_PER_MICROUSD)


def affordable_output_token_count(price: Price, *, limit_nanousd: int, input_usage: TokenUsage) -> int:
    """Most completion tokens with which the worst case of `input_usage` stays within the limit; 0 where none does.

    UNLIMITED where completions are free.
    """
    output_rate = max(rates.output_microusd_per_mtok for rates in _reachable(price, input_usage.input_token_count))
    left_nanousd = limit_nanousd - worst_case_nanousd(price, input_usage)
    if left_nanousd < 0:
        return 0
    return left_nanousd * PICOUSD_PER_NANOUSD // output_rate if output_rate else UNLIMITED


def decimal_usd(nanousd: int) -> Decimal:
    """Exact US dollars."""
    return Decimal(nanousd).scaleb(-9)


def format_usd(nanousd: int) -> str:
    """Exact US dollars for people, without exponent or idle zeros: "$0.00012"."""
    text = f"{decimal_usd(nanousd):f}"
    return "$" + (text.rstrip("0").rstrip(".") or "0")


def _rates_for(price: Price, input_token_count: int) -> Price | PriceTier:
    """The price itself, or its highest tier that the input is above."""
    if not price.tiers:
        return price
    reached = [tier for tier in price.tiers if input_token_count > tier.above_input_token_count]
    return max(reached, key=lambda tier: tier.above_input_token_count) if reached else price


def _reachable(price: Price, input_token_count: int) -> list[Price | PriceTier]:
    """The price and every tier that an input of at most this length may fall into."""
    return [price, *(tier for tier in price.tiers if input_token_count > tier.above_input_token_count)]


def _rounded_up(picousd: int) -> int:
    return -(-picousd // PICOUSD_PER_NANOUSD)
