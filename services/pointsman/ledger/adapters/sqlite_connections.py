"""How the database file is opened: by one connection that writes, and by others that only read."""

import sqlite3
from pathlib import Path

from pointsman.kit.errors import Unavailable
from pointsman.ledger.adapters.schema import migrate

# A writer that finds the file locked by a stranger waits this long, WRITE_TRIES times (sqlite_writer).
BUSY_TIMEOUT_S = 0.2
CACHED_STATEMENTS = 128


def unavailable(error: sqlite3.Error) -> Unavailable:
    """What callers hear of a database that does not work; the text of SQLite names no value."""
    return Unavailable("dependency_down", f"the ledger's database does not work: {error}", retry_after_s=1.0)


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes, brought to the newest schema. Raises Unavailable."""
    # SQLite before 3.51.3 can corrupt a file when two connections write or checkpoint at the same moment: so there is one.
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=CACHED_STATEMENTS
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # What was acknowledged survives the loss of power.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        migrate(connection)
    except sqlite3.Error as exc:
        connection.close()
        raise unavailable(exc) from exc
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that can not write. Raises Unavailable."""
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as exc:
        raise unavailable(exc) from exc
