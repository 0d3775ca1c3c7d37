"""The spool: a file that is written and flushed on a thread; what arrives during one flush goes together into the next."""

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from pointsman.gateway import names
from pointsman.gateway.adapters.spool_records import read_records, records_of
from pointsman.gateway.ports import SpoolEntry
from pointsman.kit.errors import Unavailable
from pointsman.kit.logging import Logger

SUFFIX = ".spool"
LOCK_SUFFIX = ".lock"
OWNER_ONLY = 0o600


@dataclass(slots=True)
class _Write:
    """Entries for the end of the file, or in place of all that it holds."""

    entries: Sequence[SpoolEntry]  # as bytes on the thread alone: 20,000 of them would hold up the loop for 0.3 s
    replaces: bool
    is_written: bool = False
    error: OSError | None = None


class SpoolFile:
    """Implements the Spool port."""

    def __init__(self, file: "RecordFile", executor: ThreadPoolExecutor) -> None:
        """executor: one thread."""
        self._file = file
        self._executor = executor
        self._waiting: deque[_Write] = deque()  # filled on the loop, emptied on the thread, in order

    async def append(self, entries: Sequence[SpoolEntry]) -> None:
        """Keep them."""
        await self._write(_Write(entries, replaces=False))

    async def replace_all(self, entries: Sequence[SpoolEntry]) -> None:
        """Keep these alone."""
        await self._write(_Write(entries, replaces=True))

    async def _write(self, write: _Write) -> None:
        self._waiting.append(write)
        await asyncio.get_running_loop().run_in_executor(self._executor, self._write_waiting)
        if not write.is_written:  # also where another's run took it along, and broke off
            reason = "broken off" if write.error is None else write.error.strerror
            raise Unavailable("dependency_down", f"the gateway's spool cannot be written: {reason}") from write.error

    def _write_waiting(self) -> None:
        """Write all that waits. Each write asks for a run of its own, which finds nothing to do where another has taken it along."""
        while self._waiting:
            batch = [self._waiting.popleft()]
            while not batch[0].replaces and self._waiting and not self._waiting[0].replaces:
                batch.append(self._waiting.popleft())
            data = b"".join(records_of(write.entries) for write in batch)
            try:
                if batch[0].replaces:
                    self._file.replace(data)
                else:
                    self._file.append(data)
            except OSError as error:
                for write in batch:
                    write.error = error
            else:
                for write in batch:
                    write.is_written = True


class RecordFile:
    """A file that ends with what was last written whole."""

    def __init__(self, path: Path) -> None:
        """Open it, made where it is missing. Raises OSError, as all methods do."""
        self.path = path
        self._descriptor = _open(path)
        self._size = os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def read(self) -> bytes:
        """All that it holds."""
        return self.path.read_bytes()

    def append(self, data: bytes) -> None:
        """Write at the end, onto the disk."""
        # A write that failed half-way would hide all that comes after it.
        if os.fstat(self._descriptor).st_size != self._size:
            os.ftruncate(self._descriptor, self._size)
        _write(self._descriptor, data)
        os.fsync(self._descriptor)
        self._size += len(data)

    def replace(self, data: bytes) -> None:
        """Hold this instead, so that after a crash the file is the old one or the new one."""
        if not data:
            os.ftruncate(self._descriptor, 0)  # not flushed: what a crash brings back is booked twice, which is as once
            self._size = 0
            return
        partial = self.path.with_suffix(".partial")
        descriptor = _open(partial)
        try:
            os.ftruncate(descriptor, 0)
            _write(descriptor, data)
            os.fsync(descriptor)
            partial.replace(self.path)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, len(data)
        flush_folder(self.path.parent)


class FolderLock:
    """The right to one of a folder's files, which the system takes back from a process that ends."""

    def __init__(self, path: Path) -> None:
        """path: the file that it is the right to. Raises BlockingIOError where another process has it, and OSError."""
        self._descriptor = os.open(path.with_suffix(LOCK_SUFFIX), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        """Enter; leaving gives the right back."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give it back."""
        os.close(self._descriptor)


@asynccontextmanager
async def open_spool(folder: Path, log: Logger) -> AsyncIterator[tuple[SpoolFile, list[SpoolEntry]]]:
    """A spool for this process alone, and the entries that it and those of dead processes hold. Raises Unavailable."""
    try:
        lock, file, entries = await asyncio.to_thread(take_over, folder, log)
    except OSError as error:
        raise Unavailable("dependency_down", f"gateway: {folder} cannot be used: {error.strerror}") from error
    with lock, closing(file), ThreadPoolExecutor(1, thread_name_prefix="gateway-spool") as executor:
        yield SpoolFile(file, executor), entries


def take_over(folder: Path, log: Logger) -> tuple[FolderLock, RecordFile, list[SpoolEntry]]:
    """The first file that no living process has, with all that files of dead processes hold moved into it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock, path = _first_free(folder)
    file = RecordFile(path)
    flush_folder(folder)  # before another's file goes for what is moved into this one
    entries = _entries_of(file, log)
    for other in sorted(folder.glob(f"*{SUFFIX}")):
        if other != path:
            entries += _adopt(other, file, log)
    return lock, file, entries


def flush_folder(folder: Path) -> None:
    """Have the names in it on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _first_free(folder: Path) -> tuple[FolderLock, Path]:
    for number in count():
        path = folder / f"{number}{SUFFIX}"
        try:
            return FolderLock(path), path
        except BlockingIOError:
            continue
    raise AssertionError("count() does not end")


def _adopt(path: Path, into: RecordFile, log: Logger) -> list[SpoolEntry]:
    """What the file holds, now in the other one; nothing where its process lives."""
    try:
        lock = FolderLock(path)
    except BlockingIOError:
        return []
    with lock, closing(RecordFile(path)) as file:
        entries = _entries_of(file, log)
        into.append(records_of(entries))
        path.unlink()
    return entries


def _entries_of(file: RecordFile, log: Logger) -> list[SpoolEntry]:
    """What the file holds; what in it is no record is cut out, with a line in the log."""
    entries, bad_byte_count = read_records(file.read())
    if bad_byte_count:
        log.warning(names.SPOOL_CUT, byte_count=bad_byte_count, entry_count=len(entries))
        file.replace(records_of(entries))
    return entries


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, OWNER_ONLY)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
