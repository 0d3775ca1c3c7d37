"""Usage reports over the books on disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.ledger.adapters.sqlite_books import SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, connect_for_writing
from pointsman.ledger.adapters.sqlite_usage import ReportRun
from pointsman.ledger.adapters.usage_statements import WHOLE_ANSWER_LATENCIES, parameters_of, percentiles_statement, sums_statement
from pointsman.ledger.core.booking import expire_spends, open_spend, settle_spend
from pointsman.ledger.core.usage_report import Group, Percentiles, SumTooLarge, TooManyRows, UsageDimension, UsageQuery, UsageRow
from pointsman.ledger.core.values import Attempt, AttemptOutcome, BilledTo, TokenUsage
from tests.unit.ledger.books import TIME_NS, a_settlement, a_spend, an_attempt

HOUR_NS = 3_600_000_000_000
EVERYTHING = UsageQuery()


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        yield connection


@pytest.fixture
def reading(tmp_path: Path, writing: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    with closing(connect_for_reading(tmp_path / "ledger.db")) as connection:
        yield connection


def book(connection: sqlite3.Connection, *attempts: Attempt) -> None:
    settle_spend(SqliteBooks(connection), a_settlement(None, *attempts), book_time_ns=TIME_NS)


def report(connection: sqlite3.Connection, query: UsageQuery = EVERYTHING) -> list[UsageRow]:
    return ReportRun(connection, query).read()


def test_books_without_rows_have_no_row(reading: sqlite3.Connection) -> None:
    assert report(reading) == []
    assert report(reading, UsageQuery(frozenset({UsageDimension.MODEL}))) == []


def test_all_sums_of_one_row(writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
    book(
        writing,
        replace(an_attempt("att_1", 10), usage=TokenUsage(9, 8, 3, 2, 1, estimated=True)),
        replace(an_attempt("att_2", 20, BilledTo.CALLER), latency_ns=7, start_time_ns=TIME_NS + 5),
        replace(an_attempt("att_3", None), outcome=AttemptOutcome.CUT, usage=None, time_to_first_token_ns=4),
        replace(an_attempt("att_4", 0), outcome=AttemptOutcome.FAILED, usage=None, time_to_first_token_ns=None),
        replace(an_attempt("att_5", 1), outcome=AttemptOutcome.CANCELLED, usage=None, time_to_first_token_ns=None),
    )
    assert report(reading) == [
        UsageRow(
            group=Group(),
            request_count=1,
            attempt_count=5,
            succeeded_attempt_count=2,
            failed_attempt_count=2,
            usage=TokenUsage(18, 16, 3, 2, 3, estimated=True),
            operator_cost_nanousd=11,
            caller_cost_nanousd=20,
            unpriced_attempt_count=1,
            last_start_time_ns=TIME_NS + 5,
            latency=Percentiles(7, 5_000_000, 5_000_000),
            time_to_first_token=Percentiles(1_000_000, 1_000_000, 1_000_000),
        )
    ]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, (1, 1, 1)), (2, (1, 2, 2)), (20, (10, 19, 20)), (100, (50, 95, 99)), (101, (51, 96, 100))]
)
def test_percentiles_are_of_the_nearest_rank(
    writing: sqlite3.Connection, reading: sqlite3.Connection, count: int, expected: tuple[int, int, int]
) -> None:
    book(writing, *(replace(an_attempt(f"att_{value}"), latency_ns=value) for value in range(count, 0, -1)))
    assert report(reading)[0].latency == Percentiles(*expected)


def test_spend_that_expired_costs_its_worst_case_until_it_is_corrected(writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
    books = SqliteBooks(writing)
    open_spend(books, a_spend("spd_1", 100, 50))
    expire_spends(books, ["spd_1"], book_time_ns=TIME_NS)
    by_model = UsageQuery(frozenset({UsageDimension.MODEL}))
    expired = report(reading, by_model)
    assert [(row.group.model_id, row.operator_cost_nanousd) for row in expired] == [("model-0", 100), ("model-1", 50)]
    assert {(row.attempt_count, row.request_count, row.last_start_time_ns, row.usage) for row in expired} == {
        (0, 0, None, TokenUsage(0, 0))
    }
    settle_spend(books, a_settlement("spd_1", an_attempt("att_1", 30)), book_time_ns=TIME_NS)
    corrected = report(reading, by_model)
    assert [(row.group.model_id, row.operator_cost_nanousd, row.attempt_count) for row in corrected] == [("model-0", 30, 1)]


def test_rows_come_by_time_then_by_cost(writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
    attempts = [("a", 5, 0), ("b", 9, HOUR_NS - 1), ("a", 7, HOUR_NS), ("b", 7, 2 * HOUR_NS - 1), ("c", 8, HOUR_NS + 1)]
    first_ns = TIME_NS // HOUR_NS * HOUR_NS
    book(
        writing,
        *(
            replace(an_attempt(f"att_{number}", cost), model_id=model, start_time_ns=first_ns + offset)
            for number, (model, cost, offset) in enumerate(attempts)
        ),
    )
    query = UsageQuery(frozenset({UsageDimension.MODEL, UsageDimension.TIME}), bucket_ns=HOUR_NS)
    found = [
        ((row.group.bucket_start_time_ns or 0) - first_ns, row.group.model_id, row.operator_cost_nanousd) for row in report(reading, query)
    ]
    assert found == [(0, "b", 9), (0, "a", 5), (HOUR_NS, "c", 8), (HOUR_NS, "a", 7), (HOUR_NS, "b", 7)]


@pytest.mark.parametrize(
    ("query", "costs"),
    [
        (UsageQuery(start_time_ns=TIME_NS + 1), 6),
        (UsageQuery(start_time_ns=TIME_NS + 1, end_time_ns=TIME_NS + 2), 2),
        (UsageQuery(end_time_ns=TIME_NS + 1), 1),
        (UsageQuery(model_id="m1"), 2),
        (UsageQuery(model_id="' OR 1=1 --"), 0),
        (UsageQuery(project_id="default"), 7),
        (UsageQuery(project_id="other"), 0),
        (UsageQuery(project_id="default", model_id="m2", start_time_ns=TIME_NS), 4),
    ],
)
def test_all_conditions_hold(writing: sqlite3.Connection, reading: sqlite3.Connection, query: UsageQuery, costs: int) -> None:
    named = (replace(an_attempt(f"att_{n}", 2**n), model_id=f"m{n}", start_time_ns=TIME_NS + n) for n in range(3))
    book(writing, *named)
    assert sum(row.operator_cost_nanousd for row in report(reading, query)) == costs


def test_more_rows_than_allowed_are_refused_not_cut(writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
    book(writing, *(replace(an_attempt(f"att_{n}"), model_id=f"m{n}") for n in range(3)))
    by_model = UsageQuery(frozenset({UsageDimension.MODEL}), max_row_count=3)
    assert len(report(reading, by_model)) == 3
    with pytest.raises(TooManyRows):
        report(reading, replace(by_model, max_row_count=2))


def test_sum_that_no_int64_holds_is_refused_and_the_next_report_works(writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
    half = 2**62
    book(writing, *(an_attempt(f"att_{n}", half, BilledTo.CALLER) for n in range(2)))
    with pytest.raises(SumTooLarge):
        report(reading)
    assert report(reading, UsageQuery(model_id="none")) == []


def test_report_that_was_given_up_reads_nothing(writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
    book(writing, an_attempt())
    run = ReportRun(reading, UsageQuery())
    run.give_up()
    assert run.read() == []
    assert len(report(reading)) == 1


def test_stretch_of_time_is_served_by_its_index(writing: sqlite3.Connection) -> None:
    query = UsageQuery(frozenset(UsageDimension), start_time_ns=1, bucket_ns=HOUR_NS, model_id="m")
    for statement in (sums_statement(query), percentiles_statement(query, WHOLE_ANSWER_LATENCIES)):
        plan = writing.execute("EXPLAIN QUERY PLAN " + statement, parameters_of(query)).fetchall()
        assert any("SEARCH entries USING INDEX entries_by_start_time" in row[3] for row in plan), plan
