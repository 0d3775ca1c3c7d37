"""One registry per folder: a lock that the system drops with the process that holds it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointsman.registry.core.problems import StateUnusable

LOCK_FILE = "registry.lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made where it is missing. Raises StateUnusable where another process has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK_FILE).open("ab")
    except OSError as error:
        raise StateUnusable(f"{folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateUnusable(f"{folder}: another registry is running on this folder") from error
        yield
