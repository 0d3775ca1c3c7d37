"""The default install brings no torch, and neither does an image; nothing is unpickled."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OF_THE_EXTRA = "gpu.lock"
OF_THE_PEERS = "peers.lock"  # measured beside the product, in a folder of their own
HUB_CLIENTS = {"sentence-transformers", "transformers", "huggingface-hub"}


def names_in(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE))


def test_no_lock_holds_torch_and_only_that_of_the_extra_a_hub_client() -> None:
    locks = {lock.name: names_in(lock) for lock in (ROOT / "requirements").glob("*.lock")}
    assert [name for name, names in locks.items() if "torch" in names] == []
    assert {name for name, names in locks.items() if HUB_CLIENTS & names} == {OF_THE_EXTRA, OF_THE_PEERS}


def test_lock_of_the_extra_agrees_with_the_others() -> None:
    pins = {
        lock: set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / "requirements" / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in ("runtime.lock", "dev.lock", OF_THE_EXTRA)
    }
    versions: dict[str, set[str]] = {}
    for pin in set().union(*pins.values()):
        versions.setdefault(pin.split("==")[0], set()).add(pin)
    assert [found for found in versions.values() if len(found) > 1] == []


def test_every_locked_requirement_has_a_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        entries = re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8"))
        without = [entry.split("==")[0] for entry in entries if "==" in entry.split("\n")[0] and "--hash=sha256:" not in entry]
        assert without == []


def test_no_module_unpickles() -> None:
    unpickle = re.compile(r"\bimport pickle|pickle\.load|allow_pickle=True|torch\.load")
    found = [str(path) for path in (ROOT / "services").rglob("*.py") if unpickle.search(path.read_text(encoding="utf-8"))]
    assert found == []
