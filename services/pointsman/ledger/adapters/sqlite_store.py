"""The store on SQLite: one thread that writes, one that reads, one ledger per folder."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from pointsman.kit.errors import Unavailable
from pointsman.kit.logging import Logger
from pointsman.ledger import names
from pointsman.ledger.adapters.folder_lock import locked_folder
from pointsman.ledger.adapters.group_commit import GroupCommit
from pointsman.ledger.adapters.sqlite_connections import connect_for_writing
from pointsman.ledger.adapters.sqlite_reader import SqliteReader
from pointsman.ledger.adapters.sqlite_writer import SqliteWriter, Work
from pointsman.ledger.core.decision_pages import DecisionFilter, DecisionPage, Position
from pointsman.ledger.core.outcomes import OutcomeStats
from pointsman.ledger.core.ports import Books
from pointsman.ledger.core.store import OpenSpend, Standing, Sums

DATABASE_FILE = "ledger.db"

T = TypeVar("T")

OnCommit = Callable[[int, float], None]
"""Hears how many writes shared a commit, and how many seconds it took."""


def ignore_commit(_write_count: int, _duration_s: float) -> None:
    """For those who do not count."""


class SqliteStore:
    """Implements the Store port. `run` has to run beside it."""

    def __init__(
        self, writer: SqliteWriter, reader: SqliteReader, threads: "Threads", *, max_waiting: int, on_commit: "OnCommit", log: Logger
    ) -> None:
        """max_waiting: most writes that wait for the one under way. on_commit: called on the writing thread."""
        self._writer = writer
        self._reader = reader
        self._threads = threads
        self._on_commit = on_commit
        self._log = log
        self._queue = GroupCommit(self._commit, executor=threads.writing, max_waiting=max_waiting)
        self.is_failing = False
        self.commit_count = 0

    @property
    def standing(self) -> Standing:
        """Where the books stood after the last commit."""
        return self._writer.standing

    @property
    def outcome_version(self) -> int:
        """Version of the sums of outcomes after the last commit."""
        return self._writer.standing.outcome_version

    @property
    def waiting_count(self) -> int:
        """Writes that wait for the one under way."""
        return self._queue.waiting_count

    async def write(self, work: Callable[[Books], T]) -> T:
        """Run the work in a transaction; its result, once that is on the disk."""
        return cast(T, await self._queue.submit(work))

    async def find_decisions(self, conditions: DecisionFilter, after: Position, limit: int) -> DecisionPage:
        """Up to `limit` decisions older than that place, newest first; fewer where they are large."""
        return await self._read(lambda: self._reader.find_decisions(conditions, after, limit))

    async def read_sums(self) -> Sums:
        """How much is booked and reserved."""
        return await self._read(self._reader.read_sums)

    async def read_open_spends(self) -> list[OpenSpend]:
        """The spends that nobody has closed."""
        return await self._read(self._reader.read_open_spends)

    async def read_outcomes(self, *, after_version: int) -> OutcomeStats:
        """The sums of outcomes that have changed since that version."""
        return await self._read(lambda: self._reader.read_outcomes(after_version))

    async def run(self) -> None:
        """Write what is asked for, until the store is closed."""
        await self._queue.run()

    def close(self) -> None:
        """Take no more writes; `run` ends when those that wait are on the disk."""
        self._queue.close()

    async def _read(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads.reading, read)

    def _commit(self, works: Sequence[Work]) -> list[Any]:
        """One transaction, on the writing thread; a change of the store's health is logged once."""
        start_s = time.perf_counter()
        try:
            outcomes = self._writer.commit(works)
        except Unavailable as error:
            if not self.is_failing:
                self._log.error(names.STORE_FAILED, reason=error.message)
            self.is_failing = True
            raise
        finally:
            self._on_commit(len(works), time.perf_counter() - start_s)
        if self.is_failing:
            self._log.info(names.STORE_RECOVERED)
        self.is_failing = False
        self.commit_count += 1
        return outcomes


class Threads:
    """A thread that writes and one that reads; each owns its connection."""

    def __init__(self) -> None:
        self.writing = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        self.reading = ThreadPoolExecutor(1, thread_name_prefix="ledger-read")

    def __enter__(self) -> "Threads":
        return self

    def __exit__(self, *_: object) -> None:
        self.writing.shutdown()
        self.reading.shutdown()


@asynccontextmanager
async def open_store(
    folder: Path,
    *,
    max_waiting: int,
    log: Logger,
    on_commit: OnCommit = ignore_commit,
    connect: Callable[[Path], sqlite3.Connection] = connect_for_writing,
) -> AsyncIterator[SqliteStore]:
    """The store in the folder until the context is left, when everything that waits is on the disk.

    on_commit: called on the writing thread. connect: opens the writing connection. Raises Conflict where another
    ledger uses the folder, Unavailable where the database can not be opened.
    """
    loop = asyncio.get_running_loop()
    path = folder / DATABASE_FILE
    async with AsyncExitStack() as stack:
        stack.enter_context(locked_folder(folder))
        threads = stack.enter_context(Threads())
        writer = await loop.run_in_executor(threads.writing, lambda: SqliteWriter(connect(path)))
        stack.push_async_callback(loop.run_in_executor, threads.writing, writer.close)
        reader = await loop.run_in_executor(threads.reading, SqliteReader, path)
        stack.push_async_callback(loop.run_in_executor, threads.reading, reader.close)
        store = SqliteStore(writer, reader, threads, max_waiting=max_waiting, on_commit=on_commit, log=log)
        running = asyncio.create_task(store.run())
        try:
            yield store
        finally:
            store.close()
            await running
