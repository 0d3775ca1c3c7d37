"""The default install brings no torch; nothing is unpickled."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_lock_holds_torch_or_a_hub_client() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        names = re.findall(r"^([a-z0-9-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)
        assert {"torch", "sentence-transformers", "transformers", "huggingface-hub"} & set(names) == set()


def test_every_locked_requirement_has_a_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        entries = re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8"))
        without = [entry.split("==")[0] for entry in entries if "==" in entry.split("\n")[0] and "--hash=sha256:" not in entry]
        assert without == []


def test_no_module_unpickles() -> None:
    unpickle = re.compile(r"\bimport pickle|pickle\.load|allow_pickle=True|torch\.load")
    found = [str(path) for path in (ROOT / "services").rglob("*.py") if unpickle.search(path.read_text(encoding="utf-8"))]
    assert found == []
