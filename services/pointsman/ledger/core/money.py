"""Amounts: int64 nano-dollars that never wrap and never go below zero."""

from collections.abc import Iterable

MAX_NANOUSD = 2**63 - 1


class AmountOverflow(Exception):
    """A sum is more than an int64 of nano-dollars holds, some nine billion dollars."""


def checked_sum(amounts: Iterable[int]) -> int:
    """The sum. Raises AmountOverflow where it does not fit, ValueError for a negative amount."""
    total = 0
    for amount in amounts:
        if amount < 0:
            raise ValueError("sum of amounts: an amount is negative")
        total += amount
    if total > MAX_NANOUSD:
        raise AmountOverflow("the sum is more than 2^63 - 1 nano-dollars")
    return total
