"""Tells when one of the catalogue's files may have changed."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from watchfiles import awatch

# Changes within this are one: an editor writes, renames and touches in a burst.
DEBOUNCE_MS = 200
# How long the folder must then be quiet; also how often the watching thread looks up.
STEP_MS = 100
# Some file systems tell of nothing (NFS), and a folder may be away for a while: then it is looked at all the same.
UNPROMPTED_LOOK_MS = 30_000


async def file_changes(paths: Callable[[], Sequence[Path]]) -> AsyncIterator[None]:
    """Yield after each burst of changes in the files' folders, and now and then without one, for ever.

    Folders are watched, not files: editors and Kubernetes replace files by renaming. What `paths`
    gives is asked anew after each change.
    """
    while True:
        folders = watched_folders(paths())
        try:
            bursts = awatch(
                *folders, debounce=DEBOUNCE_MS, step=STEP_MS, rust_timeout=UNPROMPTED_LOOK_MS, yield_on_timeout=True, recursive=False
            )
            async for _ in bursts:
                yield
                if watched_folders(paths()) != folders:
                    break
        except (OSError, RuntimeError):  # watchfiles' own error is a RuntimeError
            # A folder went away meanwhile, or the system has no watch left to give.
            await asyncio.sleep(UNPROMPTED_LOOK_MS / 1000)
            yield


def watched_folders(paths: Sequence[Path]) -> list[Path]:
    """The folders in which the files stand, and those to which links lead."""
    # realpath: Path.resolve raises where links lead in a circle.
    folders = {folder for path in paths for folder in (path.absolute().parent, Path(os.path.realpath(path)).parent)}
    return sorted(folder for folder in folders if folder.is_dir())
