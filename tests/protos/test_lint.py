"""The protos are a public API: everything in them is commented and named by rule."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROTOS = Path(__file__).parents[2] / "protos"
FILES = sorted(PROTOS.rglob("*.proto"))
DECLARATION = re.compile(r"^\s*(message|enum|service|rpc|oneof)\s+(\w+)|^\s*(?:repeated |optional |map<[^>]+> ?)?[\w.]*\s*(\w+)\s*=\s*\d+")


def declarations(path: Path) -> Iterator[tuple[int, str, str]]:
    """(line number, line, the line before) of each message, enum, service, rpc, oneof, field and enum value."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if not line.strip().startswith("//") and DECLARATION.match(line):
            yield number + 1, line, lines[number - 1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_declaration_has_a_comment_above_it(path: Path) -> None:
    bare = [f"{path.name}:{number}: {line.strip()}" for number, line, before in declarations(path) if not before.strip().startswith("//")]
    assert bare == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_path_is_the_package(path: Path) -> None:
    package = re.search(r"^package ([\w.]+);", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert package is not None
    assert package[1] == ".".join(path.parent.relative_to(PROTOS).parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_rpc_has_messages_of_its_own(path: Path) -> None:
    for name, request, response in re.findall(r"rpc (\w+)\((\w+)\) returns \((?:stream )?(\w+)\)", path.read_text(encoding="utf-8")):
        assert (request, response) == (f"{name}Request", f"{name}Response")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_enum_zero_is_unspecified_and_values_carry_the_prefix(path: Path) -> None:
    for name, body in re.findall(r"^enum (\w+) \{(.*?)^\}", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
        values = re.findall(r"^\s*(\w+) = (\d+);", body, re.MULTILINE)
        assert values[0] == (f"{prefix}_UNSPECIFIED", "0")
        assert all(value.startswith(f"{prefix}_") for value, _ in values)
