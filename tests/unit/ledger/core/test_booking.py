"""What a sequence of openings, settlements and expiries leaves in the books, in memory and on SQLite."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.ledger.adapters.sqlite_books import SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import connect_for_writing
from pointsman.ledger.core.booking import Opened, Settled, SpendClosed, expire_spends, open_spend, settle_spend
from pointsman.ledger.core.chain import first_broken_sequence
from pointsman.ledger.core.money import MAX_NANOUSD, AmountOverflow
from pointsman.ledger.core.ports import Books, Commitment
from pointsman.ledger.core.values import BilledTo
from tests.unit.ledger.books import TIME_NS, MemoryBooks, a_settlement, a_spend, an_attempt


@contextmanager
def in_memory() -> Iterator[Books]:
    yield MemoryBooks()


@contextmanager
def on_sqlite() -> Iterator[Books]:
    with closing(connect_for_writing(Path(":memory:"))) as connection:
        yield SqliteBooks(connection)


@pytest.fixture(params=[in_memory, on_sqlite])
def books(request: pytest.FixtureRequest) -> Iterator[Books]:
    with request.param() as made:
        yield made


def settle(books: Books, spend_id: str | None, *attempts: tuple[str, int | None]) -> Settled:
    return settle_spend(books, a_settlement(spend_id, *(an_attempt(*attempt) for attempt in attempts)), book_time_ns=TIME_NS)


def expire(books: Books, *spend_ids: str) -> int:
    return expire_spends(books, spend_ids, book_time_ns=TIME_NS)


def test_opening_reserves_the_worst_case_of_all_planned_attempts(books: Books) -> None:
    assert open_spend(books, a_spend("spd_1", 100, 50)) == Opened(2, 150)
    assert books.commitment == Commitment(0, 150)


def test_opening_twice_answers_as_the_first_time_and_reserves_once(books: Books) -> None:
    first = open_spend(books, a_spend("spd_1", 100, 50))
    assert open_spend(books, a_spend("spd_1", 7)) == first
    assert books.commitment == Commitment(0, 150)


def test_settling_books_the_costs_and_frees_the_reservation(books: Books) -> None:
    open_spend(books, a_spend("spd_1", 100, 50))
    assert settle(books, "spd_1", ("att_1", 30), ("att_2", 12)) == Settled(42, corrected=False)
    assert books.commitment == Commitment(42, 0)


def test_settling_twice_answers_the_same_and_books_once(books: Books) -> None:
    open_spend(books, a_spend())
    first = settle(books, "spd_1", ("att_1", 30))
    assert settle(books, "spd_1", ("att_1", 99)) == first
    assert books.commitment == Commitment(30, 0)


def test_attempt_named_twice_in_one_settlement_is_booked_once_as_the_first_says(books: Books) -> None:
    assert settle(books, None, ("att_1", 30), ("att_1", 99)) == Settled(30, corrected=False)
    assert books.commitment.spent_nanousd == 30


def test_later_settlement_adds_what_was_not_booked(books: Books) -> None:
    settle(books, "spd_1", ("att_1", 30))
    assert settle(books, "spd_1", ("att_1", 30), ("att_2", 5)) == Settled(35, corrected=False)
    assert books.commitment.spent_nanousd == 35


def test_callers_own_bill_and_unknown_prices_cost_the_operator_nothing(books: Books) -> None:
    attempts = (an_attempt("att_1", 30, BilledTo.CALLER), an_attempt("att_2", None))
    assert settle_spend(books, a_settlement(None, *attempts), book_time_ns=TIME_NS).total_cost_nanousd == 0
    assert books.commitment.spent_nanousd == 0
    assert books.operator_costs(["att_1", "att_2"]) == {"att_1": 0, "att_2": 0}


def test_expired_spend_is_booked_at_its_worst_case(books: Books) -> None:
    open_spend(books, a_spend("spd_1", 100, 50))
    assert expire(books, "spd_1", "unknown") == 1
    assert books.commitment == Commitment(150, 0)
    assert expire(books, "spd_1") == 0


def test_settlement_after_expiry_corrects_the_worst_case(books: Books) -> None:
    open_spend(books, a_spend("spd_1", 100, 50))
    expire(books, "spd_1")
    assert settle(books, "spd_1", ("att_1", 30)) == Settled(30, corrected=True)
    assert books.commitment == Commitment(30, 0)
    assert settle(books, "spd_1", ("att_1", 30)) == Settled(30, corrected=True)
    assert books.commitment == Commitment(30, 0)


def test_settled_spend_does_not_expire(books: Books) -> None:
    open_spend(books, a_spend())
    settle(books, "spd_1")
    assert expire(books, "spd_1") == 0
    assert books.commitment == Commitment(0, 0)


def test_opening_that_comes_after_its_settlement_reserves_nothing(books: Books) -> None:
    settle(books, "spd_1")
    with pytest.raises(SpendClosed):
        open_spend(books, a_spend())
    assert books.commitment == Commitment(0, 0)


def test_opening_beyond_what_an_amount_holds_is_refused(books: Books) -> None:
    open_spend(books, a_spend("spd_1", MAX_NANOUSD))
    with pytest.raises(AmountOverflow):
        open_spend(books, a_spend("spd_2", 1))
    assert books.find_spend("spd_2") is None


def test_settling_beyond_what_an_amount_holds_is_refused(books: Books) -> None:
    settle(books, None, ("att_1", MAX_NANOUSD))
    with pytest.raises(AmountOverflow):
        settle(books, None, ("att_2", 1))
    assert books.operator_costs(["att_2"]) == {}


MakeBooks = Callable[[], AbstractContextManager[Books]]

# Its name, the spend, and what a settlement or an opening holds. Any: of a different type for each name.
Operation = tuple[str, Any, Any]

AMOUNTS = st.integers(0, 1000)
SPEND_IDS = st.sampled_from(["spd_1", "spd_2", "spd_3"])
ATTEMPTS = st.lists(st.tuples(st.sampled_from([f"att_{number}" for number in range(5)]), st.none() | AMOUNTS), max_size=3)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), SPEND_IDS, st.lists(AMOUNTS, min_size=1, max_size=3)),
        st.tuples(st.just("settle"), SPEND_IDS | st.none(), ATTEMPTS),
        st.tuples(st.just("expire"), SPEND_IDS, st.none()),
    ),
    max_size=25,
)


class Model:
    """The least that can be said of the books: first truths of attempts, and which spends stand where."""

    def __init__(self) -> None:
        self.truths: dict[str, int] = {}
        self.open: dict[str, int] = {}
        self.expired: dict[str, int] = {}
        self.closed: set[str] = set()

    def apply(self, operation: str, spend_id: str | None, amounts: list[int], attempts: list[tuple[str, int | None]]) -> None:
        if operation == "open" and spend_id is not None:
            if spend_id not in {*self.open, *self.expired, *self.closed}:
                self.open[spend_id] = sum(amounts)
        elif operation == "expire" and spend_id in self.open:
            self.expired[spend_id] = self.open.pop(spend_id)
        elif operation == "settle":
            if spend_id is not None:
                self.open.pop(spend_id, None)
                self.expired.pop(spend_id, None)
                self.closed.add(spend_id)
            for attempt_id, cost in attempts:
                self.truths.setdefault(attempt_id, cost or 0)

    @property
    def commitment(self) -> Commitment:
        return Commitment(sum(self.truths.values()) + sum(self.expired.values()), sum(self.open.values()))


@pytest.mark.parametrize("make", [in_memory, on_sqlite])
@settings(max_examples=150, deadline=None)
@given(operations=OPERATIONS)
def test_any_sequence_leaves_the_sum_of_the_last_truths(
    make: Callable[[], AbstractContextManager[Books]], operations: list[Operation]
) -> None:
    model = Model()
    with make() as books:
        for operation, spend_id, details in operations:
            model.apply(operation, spend_id, details, details)
            if operation == "open":
                try:
                    open_spend(books, a_spend(spend_id, *details))
                except SpendClosed:
                    assert spend_id in model.closed
            elif operation == "settle":
                settled = settle(books, spend_id, *details)
                assert settled.total_cost_nanousd == sum(model.truths[attempt_id] for attempt_id in {name for name, _ in details})
            else:
                expire(books, spend_id)
            assert books.commitment == model.commitment


@given(operations=OPERATIONS)
def test_any_sequence_leaves_a_whole_chain_without_double_rows(operations: list[Operation]) -> None:
    books = MemoryBooks()
    for operation, spend_id, details in operations:
        if operation == "settle":
            settle(books, spend_id, *details)
        elif operation == "expire":
            expire(books, spend_id)
        elif books.find_spend(spend_id) is None:
            open_spend(books, a_spend(spend_id, *details))
    assert first_broken_sequence(books.rows) is None
    assert len({entry.attempt_id for entry in books.entries}) == len(books.entries)
    assert books.head.total_cost_nanousd == sum(entry.operator_cost_nanousd for entry in books.entries)
