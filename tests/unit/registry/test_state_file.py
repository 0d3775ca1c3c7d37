from pathlib import Path

import pytest

from pointsman.registry.adapters.state_file import STATE_FILE, StateFile
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.ports import RegistryState, SourceTexts, TextFile
from pointsman.registry.core.problems import StateUnusable
from pointsman.registry.core.snapshot import ConfigKind, KindState

STATE = RegistryState(
    epoch="e",
    kinds={kind: KindState(3, 1.25, "d") for kind in ConfigKind},
    source=SourceTexts(TextFile("c.yaml", "text: ü\n"), TextFile("r.yaml", "rules: {}\n")),
    api=ApiEntries(providers={"p": {"kind": "scripted"}}, models={"m": {"id": "m", "quality_score": 0.5}, "gone": None}),
)


def test_a_state_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    with StateFile.open(tmp_path / "deep" / "registry") as store:
        assert store.load() is None
        store.save(STATE)
        assert store.load() == STATE
    with StateFile.open(tmp_path / "deep" / "registry") as store:
        assert store.load() == STATE


@pytest.mark.parametrize("keep", [0, 10, 64, 65, 100], ids=lambda keep: f"{keep}-bytes")
def test_a_damaged_state_is_refused_rather_than_forgotten(tmp_path: Path, keep: int) -> None:
    with StateFile.open(tmp_path) as store:
        store.save(STATE)
        path = tmp_path / STATE_FILE
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(StateUnusable, match="damaged"):
            store.load()


def test_what_was_half_written_is_ignored(tmp_path: Path) -> None:
    with StateFile.open(tmp_path) as store:
        store.save(STATE)
        (tmp_path / STATE_FILE).with_suffix(".partial").write_bytes(b"half")
        assert store.load() == STATE


def test_a_folder_has_one_registry(tmp_path: Path) -> None:
    with StateFile.open(tmp_path), pytest.raises(StateUnusable, match="another registry"), StateFile.open(tmp_path):
        pass
    with StateFile.open(tmp_path):
        pass


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with StateFile.open(tmp_path) as store:
        (tmp_path / "state.partial").mkdir()
        with pytest.raises(StateUnusable, match="cannot be written"):
            store.save(STATE)
