"""The state as earlier versions of the program kept it: one JSON file with a checksum. It is taken in once."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pointsman.kit.logging import Logger
from pointsman.registry import names
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.ports import Acceptance, RegistryState, SourceTexts, StateStore, TextFile
from pointsman.registry.core.problems import StateUnusable
from pointsman.registry.core.snapshot import ConfigKind, KindState, Origin

STATE_FILE = "state.json"
FORMAT = 1


async def import_former_state(folder: Path, store: StateStore, log: Logger) -> None:
    """Take the folder's state.json into an empty store, then leave it as state.json.imported.

    Killed in between, it is found again and only renamed. One that the store does not stem from is left alone.
    Raises StateUnusable where it is damaged.
    """
    path = folder / STATE_FILE
    state = read_former_state(path)
    if state is None:
        return
    kept = await store.load()
    if kept is None:
        taken_s = state.kinds[ConfigKind.CATALOG].create_time_s
        await store.save(state, Acceptance(Origin.START, "", taken_s, (), makes_version=True))
    elif kept.epoch != state.epoch:
        log.warning(names.FORMER_STATE_LEFT, path=path, reason="it is of another registry than the database beside it")
        return
    try:
        path.rename(path.with_name(f"{STATE_FILE}.imported"))
    except OSError as error:
        raise StateUnusable(f"{path}: cannot be renamed: {error.strerror}") from error
    log.info(names.FORMER_STATE_IMPORTED, path=path)


def read_former_state(path: Path) -> RegistryState | None:
    """The state in the file; None where there is none. Raises StateUnusable where the file is damaged."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StateUnusable(f"{path}: {error.strerror}") from error
    digest, _, content = data.partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise StateUnusable(f"{path}: damaged; put a copy back, or remove it and lose what came through the API")
    document = json.loads(content)
    if document["format"] != FORMAT:
        raise StateUnusable(f"{path}: written by another version (format {document['format']})")
    return _state_of(document)


def _state_of(document: Any) -> RegistryState:  # Any: JSON that only the program itself wrote, as the checksum shows
    rules = document["source"]["rules"]
    source = SourceTexts(TextFile(**document["source"]["catalog"]), None if rules is None else TextFile(**rules))
    return RegistryState(
        epoch=document["epoch"],
        kinds={ConfigKind(kind): KindState(**one) for kind, one in document["kinds"].items()},
        source=source,
        api=ApiEntries(providers=document["api"]["providers"], models=document["api"]["models"]),
    )
