"""The chain of rows shows every change."""

from dataclasses import replace

import pytest

from pointsman.ledger.core.booking import settle_spend
from pointsman.ledger.core.chain import Head, StoredRow, first_broken_sequence
from pointsman.ledger.core.entries import ENTRY_FIELDS
from pointsman.ledger.core.money import MAX_NANOUSD
from tests.unit.ledger.books import TIME_NS, MemoryBooks, a_settlement, an_attempt


def rows() -> list[StoredRow]:
    books = MemoryBooks()
    for number in range(1, 5):
        settle_spend(books, a_settlement(None, an_attempt(f"att_{number}", number)), book_time_ns=TIME_NS)
    return books.rows


def with_value(row: StoredRow, field: str, value: str | int | None) -> StoredRow:
    index = ENTRY_FIELDS.index(field)
    return replace(row, values=(*row.values[:index], value, *row.values[index + 1 :]))


def test_rows_as_they_were_booked_are_whole() -> None:
    assert first_broken_sequence(rows()) is None


@pytest.mark.parametrize("field", ENTRY_FIELDS)
def test_a_change_of_any_value_shows_at_its_row(field: str) -> None:
    whole = rows()
    assert first_broken_sequence([whole[0], with_value(whole[1], field, "changed"), *whole[2:]]) == 2


def test_dropped_row_shows() -> None:
    whole = rows()
    assert first_broken_sequence([whole[0], *whole[2:]]) == 2


def test_swapped_rows_show() -> None:
    whole = rows()
    assert first_broken_sequence([whole[1], whole[0], *whole[2:]]) == 1


def test_changed_total_shows() -> None:
    whole = rows()
    assert first_broken_sequence([*whole[:3], replace(whole[3], total_cost_nanousd=0)]) == 4


def test_cost_that_takes_the_total_out_of_range_shows() -> None:
    whole = rows()
    assert first_broken_sequence([whole[0], replace(whole[1], operator_cost_nanousd=MAX_NANOUSD), *whole[2:]]) == 2


def test_values_that_look_alike_when_joined_have_different_hashes() -> None:
    assert Head().next(("ab", "c"), 0).hash != Head().next(("a", "bc"), 0).hash
    assert Head().next(("1",), 0).hash != Head().next((1,), 0).hash
