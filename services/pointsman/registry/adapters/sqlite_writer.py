"""Writes states, each with its audit entry in one transaction."""

import contextlib
import sqlite3

from pointsman.registry.adapters.sqlite_connections import WRITE_TRIES, unusable
from pointsman.registry.adapters.state_rows import audit_row, hash_of_row, packed, state_row
from pointsman.registry.core.ports import Acceptance, RegistryState

ADD_TEXT = "INSERT INTO contents (hash, data) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING"
NEXT_SEQUENCE = "SELECT coalesce(max(sequence), 0) + 1 FROM states"
ADD_STATE = "INSERT INTO states (sequence, catalog_number, makes_version, detail, hash) VALUES (?, ?, ?, ?, ?)"
ADD_AUDIT_ENTRY = """
INSERT INTO audit_entries (sequence, epoch, catalog_number, create_time_ns, origin, author, diff_lines, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


class SqliteWriter:
    """The one who writes. Its methods are called from one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the writing connection."""
        self._connection = connection

    def save(self, state: RegistryState, acceptance: Acceptance) -> None:
        """Keep the state and its audit entry; they are on the disk when this returns. Raises StateUnusable."""
        try:
            self._begin()
            self._add(state, acceptance)
            self._connection.execute("COMMIT")
        except BaseException as exc:
            self._roll_back()
            if isinstance(exc, sqlite3.Error):
                raise unusable(exc) from exc
            raise

    def close(self) -> None:
        """Close the connection; what its log holds is moved into the file."""
        self._connection.close()

    def _add(self, state: RegistryState, acceptance: Acceptance) -> None:
        row = state_row(state)
        (sequence,) = self._connection.execute(NEXT_SEQUENCE).fetchone()
        self._connection.executemany(ADD_TEXT, [(digest, packed(text)) for digest, text in row.texts.items()])
        columns = (sequence, row.catalog_number, int(acceptance.makes_version), row.detail)
        self._connection.execute(ADD_STATE, (*columns, hash_of_row(columns)))
        self._connection.execute(ADD_AUDIT_ENTRY, audit_row(sequence, state, acceptance))

    def _begin(self) -> None:
        self._roll_back()
        for remaining in reversed(range(WRITE_TRIES)):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or not remaining:
                    raise
            else:
                return

    def _roll_back(self) -> None:
        # A full disk makes SQLite roll back by itself. Where rolling back fails too, the next save tries it again.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
