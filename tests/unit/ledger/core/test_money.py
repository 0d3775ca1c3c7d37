"""Sums of amounts."""

import pytest

from pointsman.ledger.core.money import MAX_NANOUSD, AmountOverflow, checked_sum


@pytest.mark.parametrize(("amounts", "total"), [([], 0), ([1, 2], 3), ([MAX_NANOUSD], MAX_NANOUSD), ([MAX_NANOUSD - 1, 1, 0], MAX_NANOUSD)])
def test_sum_of_amounts(amounts: list[int], total: int) -> None:
    assert checked_sum(amounts) == total


@pytest.mark.parametrize("amounts", [[MAX_NANOUSD, 1], [MAX_NANOUSD, MAX_NANOUSD], [MAX_NANOUSD + 1]])
def test_sum_beyond_an_int64_is_refused(amounts: list[int]) -> None:
    with pytest.raises(AmountOverflow):
        checked_sum(amounts)


def test_negative_amount_is_refused_even_where_the_sum_is_not() -> None:
    with pytest.raises(ValueError, match="negative"):
        checked_sum([5, -1])
