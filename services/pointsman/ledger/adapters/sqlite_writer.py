"""Runs many callers' works in one transaction, so that they share one flush to the disk."""

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from pointsman.ledger.adapters.sqlite_books import SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import unavailable
from pointsman.ledger.core.ports import Books

# Each waits for the busy timeout; the file has one writer, so only a stranger holds it.
WRITE_TRIES = 5

# Exactly these: their subclasses, such as IntegrityError, are about what a work does.
DATABASE_FAILURES = (sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.InternalError)

Work = Callable[[Books], Any]  # Any: each work has a result of its own; `submit` of the store keeps its type


class SqliteWriter:
    """The one who writes. Its methods are called from one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the writing connection. Raises Unavailable where the books can not be read."""
        self._connection = connection
        # Read anew after a failure: what the disk then holds is not for memory to say.
        self._books: SqliteBooks | None = _books_on(connection)
        self.standing = self._books.standing

    def commit(self, works: Sequence[Work]) -> list[Any]:
        """Run the works in order in one transaction; each one's result, or the exception that it raised.

        A work that raises leaves nothing behind, and the others stand. When this returns they are on the disk.
        Raises Unavailable where the database does not work; then nothing of any of them is kept.
        """
        try:
            self._begin()
            books = self._books or SqliteBooks(self._connection)
            outcomes = [self._run(work, books) for work in works]
            self._connection.execute("COMMIT")
        except BaseException as exc:
            self._books = None
            self._roll_back()
            if isinstance(exc, sqlite3.Error):
                raise unavailable(exc) from exc
            raise
        self._books = books
        self.standing = books.standing
        return outcomes

    def close(self) -> None:
        """Close the connection; what its log holds is moved into the file."""
        self._connection.close()

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

    def _run(self, work: Work, books: SqliteBooks) -> Any:
        """The work's result, or its exception as a value. A database that does not work is nobody's own fault, and raised."""
        mark = books.mark()
        self._connection.execute("SAVEPOINT work")
        try:
            outcome = work(books)
        except Exception as exc:  # the boundary between callers: one's failure is his alone
            if type(exc) in DATABASE_FAILURES:
                raise
            self._connection.execute("ROLLBACK TO work")
            books.go_back_to(mark)
            outcome = exc
        self._connection.execute("RELEASE work")
        return outcome

    def _roll_back(self) -> None:
        # A full disk makes SQLite roll back by itself. Where rolling back fails too, the next commit tries it again.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _books_on(connection: sqlite3.Connection) -> SqliteBooks:
    try:
        return SqliteBooks(connection)
    except sqlite3.Error as exc:
        raise unavailable(exc) from exc
