"""The protos are a public API: everything in them is commented and named by rule."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from protos.freeze import described

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


NUMBERS = {FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.TYPE_INT32, FieldDescriptorProto.TYPE_INT64}
# What a number's name may end in, so that nobody has to guess; else its comment says it.
UNITS = ("_count", "_bytes", "_nanousd", "_microusd", "_microusd_per_mtok", "_usd", "_usd_per_mtok", "_usd_per_s", "_per_s", "_per_minute")
RANGE = re.compile(r"\d|logit|number|position", re.IGNORECASE)
TIMESTAMP = ".google.protobuf.Timestamp"


def fields(file: FileDescriptorProto) -> Iterator[tuple[DescriptorProto, FieldDescriptorProto, str]]:
    """Message, field and the field's comment."""
    comments = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
    for message_number, message in enumerate(file.message_type):
        for field_number, field in enumerate(message.field):
            yield message, field, comments.get((4, message_number, 2, field_number), "")


def test_numbers_tell_their_unit_or_range() -> None:
    bare = [
        f"{message.name}.{field.name}"
        for file in described().file
        for message, field, comment in fields(file)
        if field.type in NUMBERS and not field.name.endswith(UNITS) and not RANGE.search(comment)
    ]
    assert bare == []


def test_optional_fields_say_what_unset_means() -> None:
    silent = [
        f"{message.name}.{field.name}"
        for file in described().file
        for message, field, comment in fields(file)
        if field.proto3_optional and "unset" not in comment.lower()
    ]
    assert silent == []


def test_times_are_named_for_what_they_are() -> None:
    wrong = [
        f"{message.name}.{field.name}"
        for file in described().file
        for message, field, _ in fields(file)
        if (field.type_name == TIMESTAMP and not field.name.endswith("_time")) or field.name.endswith(("_ms", "_s", "_seconds", "_at"))
    ]
    assert [name for name in wrong if not name.endswith("_per_s")] == []


def test_names_are_of_one_kind() -> None:
    for file in described().file:
        assert re.fullmatch(r"[a-z_]+\.proto", Path(file.name).name)
        assert all(service.name.endswith("Service") for service in file.service)
        for message, field, _ in fields(file):
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", field.name), (message.name, field.name)
            assert not field.name.startswith("num_"), (message.name, field.name)
