"""Decisions are found by index, page by page."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.ledger.adapters.sqlite_books import SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import connect_for_writing
from pointsman.ledger.adapters.sqlite_reader import MAX_PAGE_BYTES, SqliteReader, statement_for
from pointsman.ledger.core.booking import expire_spends, open_spend
from pointsman.ledger.core.decision_pages import BEFORE_ALL, DecisionFilter
from pointsman.ledger.core.store import OpenSpend, Sums
from pointsman.ledger.core.values import Decision
from tests.unit.ledger.books import TIME_NS, a_decision, a_spend


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        yield connection


@pytest.fixture
def reader(tmp_path: Path, connection: sqlite3.Connection) -> Iterator[SqliteReader]:
    with closing(SqliteReader(tmp_path / "ledger.db")) as reader:
        yield reader


def keep(connection: sqlite3.Connection, decisions: Sequence[Decision]) -> None:
    SqliteBooks(connection).keep_decisions(decisions)


def names_of(reader: SqliteReader, conditions: DecisionFilter, page_size: int) -> list[list[str]]:
    """Names on each page."""
    position, pages = BEFORE_ALL, []
    while True:
        page = reader.find_decisions(conditions, position, page_size)
        pages.append([decision.decision_id for decision in page.decisions])
        if page.next_position is None:
            return pages
        position = page.next_position


def test_decision_comes_back_as_it_was_kept(connection: sqlite3.Connection, reader: SqliteReader) -> None:
    decision = replace(a_decision(), difficulty=None, degraded=(), prompt_hash=b"", detail=b"\x00\xff")
    keep(connection, [decision])
    assert reader.find_decisions(DecisionFilter("dec_1"), BEFORE_ALL, 1).decisions == (decision,)


@pytest.mark.parametrize("page_size", [1, 2, 3, 6, 7])
def test_pages_hold_all_newest_first_also_where_times_are_equal(
    connection: sqlite3.Connection, reader: SqliteReader, page_size: int
) -> None:
    times = [5, 5, 1, 9, 5, 9]
    keep(connection, [a_decision(f"dec_{number}", time_ns=time_ns) for number, time_ns in enumerate(times)])
    pages = names_of(reader, DecisionFilter(), page_size)
    assert [name for page in pages for name in page] == ["dec_5", "dec_3", "dec_4", "dec_1", "dec_0", "dec_2"]
    assert all(len(page) == page_size for page in pages[:-1])
    assert pages[-1]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (DecisionFilter(), ["c", "b", "a"]),
        (DecisionFilter(project_id="p1"), ["b", "a"]),
        (DecisionFilter(request_id="r2"), ["c", "b"]),
        (DecisionFilter(request_id="r2", project_id="p1"), ["b"]),
        (DecisionFilter(decision_id="a", request_id="r1", project_id="p1"), ["a"]),
        (DecisionFilter(decision_id="a", request_id="r2"), []),
        (DecisionFilter(decision_id="a", project_id="p2"), []),
        (DecisionFilter(decision_id="' OR 1=1 --"), []),
    ],
)
def test_all_conditions_hold(connection: sqlite3.Connection, reader: SqliteReader, conditions: DecisionFilter, found: list[str]) -> None:
    rows = [("a", "r1", "p1"), ("b", "r2", "p1"), ("c", "r2", "p2")]
    keep(connection, [a_decision(name, request_id=request, project_id=project) for name, request, project in rows])
    assert names_of(reader, conditions, 10) == [found]


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        (DecisionFilter(decision_id="a", request_id="r", project_id="p"), "sqlite_autoindex_decisions_1"),
        (DecisionFilter(request_id="r", project_id="p"), "decisions_by_request"),
        (DecisionFilter(project_id="p"), "decisions_by_project"),
        (DecisionFilter(), "decisions_by_time"),
    ],
)
def test_each_query_is_served_by_its_index(connection: sqlite3.Connection, conditions: DecisionFilter, index: str) -> None:
    names = ("decision_id", "request_id", "project_id", "create_time_ns", "sequence", "limit")
    plan = connection.execute("EXPLAIN QUERY PLAN " + statement_for(conditions), dict.fromkeys(names, 1)).fetchall()
    steps = " / ".join(row[3] for row in plan)
    assert index in steps
    assert "SCAN" not in steps


def test_page_ends_before_it_is_too_large_for_a_message(connection: sqlite3.Connection, reader: SqliteReader) -> None:
    detail = bytes(256 << 10)
    keep(connection, [replace(a_decision(f"dec_{number}", time_ns=number), detail=detail) for number in range(40)])
    pages = names_of(reader, DecisionFilter(), 1_000)
    assert [len(page) for page in pages] == [17, 17, 6]
    assert len(pages[0]) * len(detail) <= MAX_PAGE_BYTES + len(detail)


def test_sums_count_attempts_alone_and_open_spends_are_listed(connection: sqlite3.Connection, reader: SqliteReader) -> None:
    books = SqliteBooks(connection)
    for spend_id in ("spd_1", "spd_2"):
        open_spend(books, a_spend(spend_id, 5, 6))
    expire_spends(books, ["spd_1"], book_time_ns=TIME_NS)
    assert reader.read_sums() == Sums(attempt_count=0, total_cost_nanousd=11, open_spend_count=1, reserved_nanousd=11)
    assert reader.read_open_spends() == [OpenSpend("spd_2", TIME_NS + 60_000_000_000)]
