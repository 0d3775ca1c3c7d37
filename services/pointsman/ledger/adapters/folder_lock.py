"""One ledger per folder: a lock that the system drops with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointsman.kit.errors import Conflict, Unavailable

LOCK_FILE = "ledger.lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made where it is missing.

    Raises Conflict where another ledger holds it, Unavailable where it can not be used.
    """
    descriptor = _open_lock_file(folder)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _open_lock_file(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise Unavailable("dependency_down", f"ledger: {folder} can not be used: {exc.strerror}") from exc


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise Conflict("in_use", f"ledger: {folder} is used by another ledger, process {holder}") from exc
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
