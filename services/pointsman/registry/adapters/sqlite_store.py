"""What outlives a restart, on SQLite: one thread that writes, one that reads, one registry per folder."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from pointsman.registry.adapters.folder_lock import locked_folder
from pointsman.registry.adapters.sqlite_connections import connect_for_reading, connect_for_writing
from pointsman.registry.adapters.sqlite_reader import SqliteReader
from pointsman.registry.adapters.sqlite_writer import SqliteWriter
from pointsman.registry.core.ports import Acceptance, Page, RegistryState
from pointsman.registry.core.snapshot import AuditRecord, VersionRecord

DATABASE_FILE = "registry.db"

T = TypeVar("T")


class Threads:
    """A thread that writes and one that reads; each owns its connection."""

    def __init__(self) -> None:
        self.writing = ThreadPoolExecutor(1, thread_name_prefix="registry-write")
        self.reading = ThreadPoolExecutor(1, thread_name_prefix="registry-read")

    def __enter__(self) -> "Threads":
        return self

    def __exit__(self, *_: object) -> None:
        self.writing.shutdown()
        self.reading.shutdown()


class SqliteStore:
    """Implements the ports StateStore and History."""

    def __init__(self, writer: SqliteWriter, reader: SqliteReader, threads: Threads) -> None:
        """Take what `open_store` has opened."""
        self._writer = writer
        self._reader = reader
        self._threads = threads

    async def load(self) -> RegistryState | None:
        """The state kept last."""
        return await self._read(self._reader.newest_state)

    async def save(self, state: RegistryState, acceptance: Acceptance) -> None:
        """Keep the state and its audit entry."""
        await asyncio.get_running_loop().run_in_executor(self._threads.writing, self._writer.save, state, acceptance)

    async def find_state(self, number: int) -> RegistryState | None:
        """The last state with that version of the catalogue."""
        return await self._read(lambda: self._reader.find_state(number))

    async def list_versions(self, before_number: int, limit: int) -> Page[VersionRecord]:
        """Up to `limit` versions below that number, newest first."""
        return await self._read(lambda: self._reader.list_versions(before_number, limit))

    async def list_audit_entries(self, before_sequence: int, limit: int) -> Page[AuditRecord]:
        """Up to `limit` entries below that sequence number, newest first."""
        return await self._read(lambda: self._reader.list_audit_entries(before_sequence, limit))

    async def _read(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads.reading, read)


@asynccontextmanager
async def open_store(folder: Path, *, connect: Callable[[Path], sqlite3.Connection] = connect_for_writing) -> AsyncIterator[SqliteStore]:
    """The store in the folder until the context is left.

    connect: opens the writing connection. Raises StateUnusable where another registry has the folder, or where the
    database cannot be opened.
    """
    loop = asyncio.get_running_loop()
    path = folder / DATABASE_FILE
    async with AsyncExitStack() as stack:
        stack.enter_context(locked_folder(folder))
        threads = stack.enter_context(Threads())
        writer = await loop.run_in_executor(threads.writing, lambda: SqliteWriter(connect(path)))
        stack.push_async_callback(loop.run_in_executor, threads.writing, writer.close)
        reader = await loop.run_in_executor(threads.reading, lambda: SqliteReader(connect_for_reading(path)))
        stack.push_async_callback(loop.run_in_executor, threads.reading, reader.close)
        yield SqliteStore(writer, reader, threads)
