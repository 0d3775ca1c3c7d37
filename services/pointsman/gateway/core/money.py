"""What a call costs: the only arithmetic with prices, for estimates, worst cases and bills alike.

Prices are pico-dollars per token. One attempt is summed in pico-dollars and rounded up once to
nano-dollars, so that sums equal the provider's bill to the nano-dollar of each attempt.
"""

from dataclasses import dataclass

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
    cached_count, written_count, output_count = usage.cached_input_token_count, usage.cache_write_token_count, usage.output_token_count
    if usage.input_token_count < 0 or cached_count < 0 or written_count < 0 or output_count < 0 or usage.image_count < 0:
        raise ValueError("cost of an attempt: token counts are 0 or more")
    rates = _rates_for(price, usage.input_token_count)
    uncached_count = max(0, usage.input_token_count - cached_count - written_count)
    picousd = uncached_count * rates.input_microusd_per_mtok + output_count * rates.output_microusd_per_mtok
    picousd += cached_count * rates.cached_input_microusd_per_mtok + written_count * price.cache_write_microusd_per_mtok
    return _rounded_up(picousd + usage.image_count * (price.image_microusd or 0) * PICOUSD_PER_MICROUSD)


def worst_case_nanousd(price: Price, *, input_token_count: int, output_token_count: int, image_count: int = 0) -> int:
    """Most that an attempt can cost in nano-dollars, of at most this many tokens.

    Nothing is taken to be cached, every token may be written to the cache, and the dearest tier that
    the input may reach applies, since a shorter input may fall into a dearer one.
    """
    input_rate, output_rate = _dearest_rates(price, input_token_count)
    picousd = input_token_count * input_rate + output_token_count * output_rate
    return _rounded_up(picousd + image_count * (price.image_microusd or 0) * PICOUSD_PER_MICROUSD)


def affordable_output_token_count(price: Price, *, limit_nanousd: int, input_token_count: int, image_count: int = 0) -> int:
    """Most completion tokens with which the worst case of that input stays within the limit; 0 where none does.

    UNLIMITED where completions are free.
    """
    _, output_rate = _dearest_rates(price, input_token_count)
    left_nanousd = limit_nanousd - worst_case_nanousd(
        price, input_token_count=input_token_count, output_token_count=0, image_count=image_count
    )
    if left_nanousd < 0:
        return 0
    return left_nanousd * PICOUSD_PER_NANOUSD // output_rate if output_rate else UNLIMITED


def format_usd(nanousd: int) -> str:
    """Exact US dollars for people, without exponent or idle zeros: "$0.00012"."""
    dollars, rest = divmod(abs(nanousd), NANOUSD_PER_USD)
    return f"{'-' if nanousd < 0 else ''}${dollars}.{rest:09d}".rstrip("0").rstrip(".")


def _rates_for(price: Price, input_token_count: int) -> Price | PriceTier:
    """The price itself, or its highest tier that the input is above."""
    if not price.tiers:
        return price
    reached = [tier for tier in price.tiers if input_token_count > tier.above_input_token_count]
    return max(reached, key=lambda tier: tier.above_input_token_count) if reached else price


def _dearest_rates(price: Price, input_token_count: int) -> tuple[int, int]:
    """Highest rates of input, written to the cache or not, and of output that so long an input, or a shorter one, may meet."""
    input_rate = max(price.input_microusd_per_mtok, price.cache_write_microusd_per_mtok)
    output_rate = price.output_microusd_per_mtok
    for tier in price.tiers:
        if input_token_count > tier.above_input_token_count:
            input_rate = max(input_rate, tier.input_microusd_per_mtok)
            output_rate = max(output_rate, tier.output_microusd_per_mtok)
    return input_rate, output_rate


def _rounded_up(picousd: int) -> int:
    return -(-picousd // PICOUSD_PER_NANOUSD)
