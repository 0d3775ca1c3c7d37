"""The file's form, and files that are of another."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.kit.errors import Unavailable
from pointsman.ledger.adapters.schema import MIGRATIONS
from pointsman.ledger.adapters.sqlite_books import ENTRY_COLUMNS, SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, connect_for_writing
from pointsman.ledger.core.booking import open_spend
from tests.unit.ledger.books import a_spend


def test_new_file_has_the_newest_version_and_every_table_is_strict(tmp_path: Path) -> None:
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        tables = connection.execute(
            "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
    assert dict(tables) == {"spends": 1, "planned_attempts": 1, "entries": 1, "decisions": 1}


def test_columns_of_the_rows_are_their_fields_in_order(tmp_path: Path) -> None:
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        columns = tuple(name for (name,) in connection.execute("SELECT name FROM pragma_table_info('entries') ORDER BY cid"))
    assert columns == ENTRY_COLUMNS


def test_books_of_the_first_version_are_brought_to_the_newest_as_they_are(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as first:
        first.executescript(MIGRATIONS[0])
        open_spend(SqliteBooks(first), a_spend("spd_1", 7))
        first.commit()
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'entries_by_start_time'").fetchone()
        assert SqliteBooks(connection).commitment.reserved_nanousd == 7


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        connect_for_writing(tmp_path / "ledger.db").close()


def test_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(Unavailable, match="version 99"):
        connect_for_writing(tmp_path / "ledger.db")


def test_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as stranger:
        stranger.execute("PRAGMA application_id = 7")
        stranger.execute("CREATE TABLE theirs (x)")
    with pytest.raises(Unavailable, match="something else"):
        connect_for_writing(tmp_path / "ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as stranger:
        assert stranger.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable, match="not a database"):
        connect_for_writing(tmp_path / "ledger.db")


def test_missing_file_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        connect_for_reading(tmp_path / "absent.db")
