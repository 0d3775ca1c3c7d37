"""The file in which other programs find the effective catalogue, replaced whole."""

import os
import tempfile
from pathlib import Path

from pointsman.registry.core.ports import OutputUnusable

OUTPUT_NAME = "models.json"
READABLE_BY_ALL = 0o644  # nothing in it is a secret, and its readers may be other users


class OutputFile:
    """models.json in a folder, or a file of any name."""

    def __init__(self, path: Path) -> None:
        """path: see `output_path`."""
        self._path = path

    def write(self, text: str) -> None:
        """Put the text in place of what is there; a reader finds the old one or the new one. Raises OutputUnusable."""
        data = text.encode()
        try:
            target = Path(os.path.realpath(self._path))
            target.parent.mkdir(parents=True, exist_ok=True)
            # Left alone where it holds that already: its readers watch it, and this service may be one of them.
            if not target.is_file() or target.read_bytes() != data:
                replace_whole(target, data)
        except OSError as error:
            raise OutputUnusable(f"{self._path}: cannot be written: {error.strerror}") from error


def output_path(configured: Path) -> Path:
    """The file that a setting means: models.json where it names a folder, which it does too where nothing with a suffix is there yet."""
    is_folder = configured.is_dir() or not (configured.suffix or configured.exists())
    return configured / OUTPUT_NAME if is_folder else configured


def replace_whole(target: Path, data: bytes) -> None:
    """Write beside the target, then rename over it."""
    descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(READABLE_BY_ALL)
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
