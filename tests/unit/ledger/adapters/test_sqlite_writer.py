"""Transactions that many callers share, and a database that fails and comes back."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.kit.errors import Unavailable
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, connect_for_writing
from pointsman.ledger.adapters.sqlite_reader import SqliteReader
from pointsman.ledger.adapters.sqlite_writer import SqliteWriter, Work
from pointsman.ledger.core.booking import open_spend, settle_spend
from pointsman.ledger.core.chain import first_broken_sequence
from pointsman.ledger.core.entries import attempt_entry
from pointsman.ledger.core.ports import Books, Commitment
from pointsman.ledger.core.store import Sums
from tests.unit.ledger.books import TIME_NS, a_decision, a_settlement, a_spend, an_attempt


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_for_writing(path)) as connection:
        yield connection


@pytest.fixture
def writer(connection: sqlite3.Connection) -> SqliteWriter:
    return SqliteWriter(connection)


@pytest.fixture
def reader(path: Path, writer: SqliteWriter) -> Iterator[SqliteReader]:
    with closing(SqliteReader(path)) as reader:
        yield reader


def settling(attempt_id: str, cost_nanousd: int = 10) -> Work:
    return lambda books: settle_spend(books, a_settlement(None, an_attempt(attempt_id, cost_nanousd)), book_time_ns=TIME_NS)


def failing_halfway(books: Books) -> None:
    open_spend(books, a_spend("spd_halfway", 1_000))
    settling("att_halfway")(books)
    raise LookupError("a caller's own failure")


def test_works_of_one_commit_see_each_other_and_are_all_kept(writer: SqliteWriter, reader: SqliteReader) -> None:
    works: list[Work] = [settling("att_1"), settling("att_1", 99), settling("att_2"), lambda books: books.commitment]
    assert writer.commit(works)[-1] == Commitment(20, 0)
    assert reader.read_sums() == Sums(2, 20, 0, 0)


def test_work_that_raises_leaves_nothing_and_spares_the_others(writer: SqliteWriter, reader: SqliteReader) -> None:
    first, second, third = writer.commit([settling("att_1"), failing_halfway, settling("att_2")])
    assert (first.total_cost_nanousd, type(second), third.total_cost_nanousd) == (10, LookupError, 10)
    assert reader.read_sums() == Sums(2, 20, 0, 0)
    assert first_broken_sequence(reader.read_rows()) is None


def test_work_that_breaks_a_rule_of_the_schema_is_its_callers_failure_alone(writer: SqliteWriter, reader: SqliteReader) -> None:
    entry = replace(attempt_entry(a_settlement(None), an_attempt("att_bad"), TIME_NS), number=0)
    outcome, _ = writer.commit([lambda books: books.append(entry), settling("att_1")])
    assert isinstance(outcome, sqlite3.IntegrityError)
    assert reader.read_sums().attempt_count == 1


def committed_until_the_disk_is_full(writer: SqliteWriter) -> int:
    """Attempts of a nano-dollar each, in commits of ten."""
    for number in range(1_000):
        try:
            writer.commit([settling(f"att_{number}_{copy}", 1) for copy in range(10)])
        except Unavailable:
            return 10 * number
    raise AssertionError("the disk did not become full")


def test_full_disk_keeps_what_was_acknowledged_and_heals_by_itself(
    writer: SqliteWriter, reader: SqliteReader, connection: sqlite3.Connection
) -> None:
    (page_count,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {page_count + 10}")
    acknowledged = committed_until_the_disk_is_full(writer)
    assert 0 < acknowledged < 10_000
    assert reader.read_sums().total_cost_nanousd == acknowledged
    connection.execute(f"PRAGMA max_page_count = {page_count + 10_000}")
    writer.commit([settling("att_after", 1)])
    assert reader.read_sums() == Sums(acknowledged + 1, acknowledged + 1, 0, 0)
    assert first_broken_sequence(reader.read_rows()) is None


def test_stranger_who_holds_the_file_is_waited_for_then_told_of(
    writer: SqliteWriter, reader: SqliteReader, connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            writer.commit([settling("att_1")])
        assert reader.read_sums().attempt_count == 0
        stranger.execute("ROLLBACK")
    writer.commit([settling("att_1")])
    assert reader.read_sums().attempt_count == 1


def test_books_stand_where_an_earlier_process_left_them(path: Path) -> None:
    with closing(connect_for_writing(path)) as first:
        SqliteWriter(first).commit([settling("att_1"), lambda books: open_spend(books, a_spend("spd_1", 70))])
    with closing(connect_for_writing(path)) as second, closing(SqliteReader(path)) as reader:
        assert SqliteWriter(second).commit([settling("att_2"), lambda books: books.commitment])[-1] == Commitment(20, 70)
        assert reader.read_sums() == Sums(2, 20, 1, 70)
        assert first_broken_sequence(reader.read_rows()) is None


@pytest.mark.parametrize("statement", ["UPDATE entries SET cost_nanousd = 0", "DELETE FROM entries"])
def test_rows_can_not_be_changed_or_removed(writer: SqliteWriter, connection: sqlite3.Connection, statement: str) -> None:
    writer.commit([settling("att_1")])
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)


def test_reading_connection_can_not_write(writer: SqliteWriter, path: Path) -> None:
    with closing(connect_for_reading(path)) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM decisions")


def test_commits_are_flushed_to_the_disk(connection: sqlite3.Connection) -> None:
    journal_mode, synchronous, foreign_keys = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
    )
    assert (journal_mode, synchronous, foreign_keys) == ("wal", 2, 1)


def test_decision_kept_before_is_left_as_it_is(writer: SqliteWriter, connection: sqlite3.Connection) -> None:
    writer.commit([lambda books: books.keep_decisions([a_decision("dec_1")])])
    writer.commit([lambda books: books.keep_decisions([a_decision("dec_1", project_id="other"), a_decision("dec_2")])])
    kept = connection.execute("SELECT decision_id, project_id FROM decisions ORDER BY sequence").fetchall()
    assert kept == [("dec_1", "default"), ("dec_2", "default")]
