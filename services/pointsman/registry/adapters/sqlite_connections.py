"""How the database file is opened: by one connection that writes, and by another that only reads."""

import sqlite3
from pathlib import Path

from pointsman.registry.adapters.schema import migrate
from pointsman.registry.core.problems import StateUnusable

# A writer that finds the file locked by a stranger waits this long, WRITE_TRIES times.
BUSY_TIMEOUT_S = 0.2
WRITE_TRIES = 5


def unusable(error: sqlite3.Error) -> StateUnusable:
    """What callers hear of a database that does not work; the text of SQLite names no value."""
    # Python's own complaints, such as of a closed connection, have no code.
    if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged()
    return StateUnusable(f"registry.db: does not work: {error}")


def damaged() -> StateUnusable:
    """What callers hear of a database whose content is not what was written."""
    return StateUnusable("registry.db: damaged; put a copy back, or remove it and lose what came through the API")


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes, brought to the newest schema. Raises StateUnusable."""
    # SQLite before 3.51.3 can corrupt a file when two connections write or checkpoint at the same moment: so there is one.
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as exc:
        raise unusable(exc) from exc
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # What was acknowledged survives the loss of power.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        migrate(connection)
    except sqlite3.Error as exc:
        connection.close()
        raise unusable(exc) from exc
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises StateUnusable."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as exc:
        raise unusable(exc) from exc
