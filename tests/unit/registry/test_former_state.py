"""Taking in what earlier versions of the program kept."""

import hashlib
import json
from pathlib import Path

import pytest
import structlog

from pointsman.kit.logging import Logger
from pointsman.registry.adapters.former_state import import_former_state
from pointsman.registry.core.ports import RegistryState
from pointsman.registry.core.problems import StateUnusable
from pointsman.registry.core.snapshot import ConfigKind, KindState, Origin
from tests.unit.registry.test_configuration_keeper import MemoryStore

LOG: Logger = structlog.wrap_logger(None, processors=[structlog.testing.LogCapture()])
DOCUMENT = {
    "format": 1,
    "epoch": "old",
    "kinds": {kind.value: {"number": 7, "create_time_s": 1.25, "digest": "d"} for kind in ConfigKind},
    "source": {"catalog": {"name": "c.yaml", "text": "text: ü\n"}, "rules": None},
    "api": {"providers": {"p": {"kind": "scripted"}}, "models": {"m": {"id": "m"}, "gone": None}},
}


def write_former(folder: Path, **changes: object) -> Path:
    content = json.dumps({**DOCUMENT, **changes}, ensure_ascii=False).encode()
    path = folder / "state.json"
    path.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    return path


async def imported(folder: Path, store: MemoryStore | None = None) -> MemoryStore:
    store = store or MemoryStore()
    await import_former_state(folder, store, LOG)
    return store


async def test_it_is_taken_in_and_left_under_another_name(tmp_path: Path) -> None:
    path = write_former(tmp_path)
    store = await imported(tmp_path)
    assert isinstance(store.state, RegistryState)
    assert (store.state.epoch, store.state.kinds[ConfigKind.CATALOG]) == ("old", KindState(7, 1.25, "d"))
    assert (store.state.source.catalog.text, list(store.state.api.models)) == ("text: ü\n", ["m", "gone"])
    assert (store.acceptances[0].origin, store.acceptances[0].time_s, store.acceptances[0].makes_version) == (Origin.START, 1.25, True)
    assert (path.exists(), (tmp_path / "state.json.imported").exists()) == (False, True)


async def test_it_is_taken_in_once(tmp_path: Path) -> None:
    write_former(tmp_path)
    store = await imported(tmp_path)
    write_former(tmp_path)  # as a kill before the renaming leaves it
    await imported(tmp_path, store)
    assert len(store.saved) == 1
    assert not (tmp_path / "state.json").exists()


async def test_that_of_another_registry_is_left_alone(tmp_path: Path) -> None:
    write_former(tmp_path)
    store = await imported(tmp_path)
    path = write_former(tmp_path, epoch="another")
    await imported(tmp_path, store)
    assert (len(store.saved), path.exists()) == (1, True)


@pytest.mark.parametrize("folder", ["", "none"])
async def test_without_one_nothing_happens(tmp_path: Path, folder: str) -> None:
    assert (await imported(tmp_path / folder)).saved == []


@pytest.mark.parametrize("keep", [0, 10, 64, 65, 100], ids=lambda keep: f"{keep}-bytes")
async def test_a_damaged_one_is_refused_rather_than_forgotten(tmp_path: Path, keep: int) -> None:
    path = write_former(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StateUnusable, match="damaged"):
        await imported(tmp_path)


async def test_one_of_another_format_is_refused(tmp_path: Path) -> None:
    write_former(tmp_path, format=2)
    with pytest.raises(StateUnusable, match="another version"):
        await imported(tmp_path)
