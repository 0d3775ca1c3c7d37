"""The file's form, and files that are of another."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.kit.errors import Unavailable
from pointsman.ledger.adapters.schema import MIGRATIONS
from pointsman.ledger.adapters.sqlite_books import ENTRY_COLUMNS, SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, connect_for_writing
from pointsman.ledger.adapters.sqlite_outcomes import SqliteOutcomes, outcomes_since
from pointsman.ledger.core.outcomes import OutcomeStat, OutcomeStats

# A spend that is open, and three calls: two answers and a failure.
BOOKED_BY_THE_FIRST = """
INSERT INTO spends VALUES ('spd_1', 'req_1', 'default', NULL, 'open', 1, 2);
INSERT INTO planned_attempts VALUES ('spd_1', 1, 'm', 'p', 7);
INSERT INTO entries
SELECT value, 'attempt', 'att_' || value, 1, 'req_' || value, NULL, 'default', NULL, 'coding', 'dec_' || value, '', 0, 'm', 'p',
  CASE value WHEN 3 THEN 'failed' ELSE 'succeeded' END, NULL, NULL, 9, 0, 0, 8 * value, 0, 0, 1,
  1, 1, 1, 'operator', 1, 1, value, zeroblob(32)
FROM json_each('[1, 2, 3]');
"""


def test_new_file_has_the_newest_version_and_every_table_is_strict(tmp_path: Path) -> None:
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        tables = connection.execute(
            "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
    names = ("spends", "planned_attempts", "entries", "decisions", "answers", "feedback", "outcome_sums", "answer_lengths")
    assert dict(tables) == dict.fromkeys(names, 1)


def test_columns_of_the_rows_are_their_fields_in_order(tmp_path: Path) -> None:
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        columns = tuple(name for (name,) in connection.execute("SELECT name FROM pragma_table_info('entries') ORDER BY cid"))
    assert columns == ENTRY_COLUMNS


def test_books_of_the_first_version_are_brought_to_the_newest_as_they_are(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as first:
        first.executescript(MIGRATIONS[0])
        first.executescript(BOOKED_BY_THE_FIRST)
    with closing(connect_for_writing(tmp_path / "ledger.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'entries_by_start_time'").fetchone()
        assert SqliteBooks(connection).commitment.reserved_nanousd == 7
        assert outcomes_since(connection, 0) == OutcomeStats(2, (OutcomeStat("m", "coding", 2, 0, 0.0, 0.0, 8),))
        assert SqliteOutcomes(connection).find_answer("req_2") is None, "its success was not foretold"


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
