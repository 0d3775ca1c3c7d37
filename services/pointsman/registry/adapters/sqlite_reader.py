"""Reads what was kept, through a connection that cannot write."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from pointsman.registry.adapters.sqlite_connections import damaged, unusable
from pointsman.registry.adapters.state_rows import audit_record, hash_of_row, state_of, unpacked, version_record
from pointsman.registry.core.ports import Page, RegistryState
from pointsman.registry.core.snapshot import AuditRecord, VersionRecord

# A page ends after this much, so that it fits into one message of 8 MiB.
MAX_PAGE_CHARACTERS = 1 << 20

FIND_TEXT = "SELECT data FROM contents WHERE hash = ?"
FIND_NEWEST = "SELECT sequence, catalog_number, makes_version, detail, hash FROM states ORDER BY sequence DESC LIMIT 1"
FIND_BY_NUMBER = """
SELECT sequence, catalog_number, makes_version, detail, hash FROM states WHERE catalog_number = ? ORDER BY sequence DESC LIMIT 1
"""
LIST_AUDIT_ENTRIES = """
SELECT sequence, epoch, catalog_number, create_time_ns, origin, author, diff_lines, hash
FROM audit_entries WHERE sequence < ? ORDER BY sequence DESC LIMIT ?
"""
LIST_VERSIONS = """
SELECT audit_entries.sequence, epoch, audit_entries.catalog_number, create_time_ns, origin, author, diff_lines, audit_entries.hash
FROM states JOIN audit_entries USING (sequence)
WHERE makes_version = 1 AND states.catalog_number < ? ORDER BY states.catalog_number DESC LIMIT ?
"""

T = TypeVar("T")


class SqliteReader:
    """Its methods are called from one thread at a time; all raise StateUnusable."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take a reading connection."""
        self._connection = connection

    def newest_state(self) -> RegistryState | None:
        """The state kept last."""
        return self._state(FIND_NEWEST, ())

    def find_state(self, number: int) -> RegistryState | None:
        """The last state with that version of the catalogue."""
        return self._state(FIND_BY_NUMBER, (number,))

    def list_versions(self, before_number: int, limit: int) -> Page[VersionRecord]:
        """Up to `limit` versions below that number, newest first; fewer where they are large."""
        return self._page(LIST_VERSIONS, before_number, limit, version_record)

    def list_audit_entries(self, before_sequence: int, limit: int) -> Page[AuditRecord]:
        """Up to `limit` entries below that sequence number, newest first; fewer where they are large."""
        return self._page(LIST_AUDIT_ENTRIES, before_sequence, limit, audit_record)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _state(self, statement: str, parameters: Sequence[object]) -> RegistryState | None:
        with errors_mapped():
            row = self._connection.execute(statement, parameters).fetchone()
            if row is None:
                return None
            *columns, row_hash = row
            if hash_of_row(columns) != row_hash:
                raise damaged()
            return state_of(columns[-1], self._text)

    def _text(self, digest: bytes) -> str:
        row = self._connection.execute(FIND_TEXT, (digest,)).fetchone()
        if row is None:
            raise damaged()
        return unpacked(row[0], digest)

    def _page(self, statement: str, below: int, limit: int, record_of: Callable[[Sequence[Any]], T]) -> Page[T]:
        # Closed at once, because an open cursor keeps the writer from emptying its log.
        with errors_mapped(), closing(self._connection.execute(statement, (below, limit + 1))) as rows:
            return page_of(rows, limit, record_of)


def page_of(rows: Iterable[tuple[Any, ...]], limit: int, record_of: Callable[[Sequence[Any]], T]) -> Page[T]:
    """The first rows, as many as one page may hold. Any: STRICT tables hold the types of their columns."""
    records: list[T] = []
    left = MAX_PAGE_CHARACTERS
    for row in rows:
        if len(records) == limit or left <= 0:
            return Page(tuple(records), has_more=True)
        records.append(record_of(row))
        left -= sum(len(column) for column in row if isinstance(column, str))
    return Page(tuple(records), has_more=False)


@contextmanager
def errors_mapped() -> Iterator[None]:
    """Turn SQLite's errors into what callers know."""
    try:
        yield
    except sqlite3.Error as exc:
        raise unusable(exc) from exc
