"""What outlives a restart, in one JSON file with a checksum, replaced whole."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.ports import RegistryState, SourceTexts, TextFile
from pointsman.registry.core.problems import StateUnusable
from pointsman.registry.core.snapshot import ConfigKind, KindState

STATE_FILE = "state.json"
LOCK_FILE = "lock"
FORMAT = 1


class StateFile:
    """The state in a folder, which one process at a time may open."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STATE_FILE

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["StateFile"]:
        """The state of that folder, locked until the context is left. Raises StateUnusable where another process has it."""
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
            yield cls(folder)

    def load(self) -> RegistryState | None:
        """The state kept last; None where there is none yet. Raises StateUnusable where the file is damaged."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateUnusable(f"{self._path}: {error.strerror}") from error
        digest, _, content = data.partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise StateUnusable(f"{self._path}: damaged; put a copy back, or remove it and lose what came through the API")
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise StateUnusable(f"{self._path}: written by another version (format {document['format']})")
        return state_from_json(document)

    def save(self, state: RegistryState) -> None:
        """Keep the state, on the disk itself when this returns. Raises StateUnusable."""
        content = json.dumps(state_to_json(state), ensure_ascii=False, separators=(",", ":")).encode()
        partial = self._path.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise StateUnusable(f"{self._path}: cannot be written: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make a renaming in the folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def state_to_json(state: RegistryState) -> Mapping[str, object]:
    """The state as JSON values."""
    files = {"catalog": state.source.catalog, "rules": state.source.rules}
    return {
        "format": FORMAT,
        "epoch": state.epoch,
        "kinds": {
            kind.value: {"number": one.number, "create_time_s": one.create_time_s, "digest": one.digest}
            for kind, one in state.kinds.items()
        },
        "source": {key: None if file is None else {"name": file.name, "text": file.text} for key, file in files.items()},
        "api": {"providers": state.api.providers, "models": state.api.models},
    }


def state_from_json(document: Any) -> RegistryState:  # Any: JSON that only state_to_json writes, as the checksum shows
    """The state that the JSON values hold."""
    rules = document["source"]["rules"]
    source = SourceTexts(TextFile(**document["source"]["catalog"]), None if rules is None else TextFile(**rules))
    return RegistryState(
        epoch=document["epoch"],
        kinds={ConfigKind(kind): KindState(**one) for kind, one in document["kinds"].items()},
        source=source,
        api=ApiEntries(providers=document["api"]["providers"], models=document["api"]["models"]),
    )
