"""What the protos promise, a line for each declaration, in `baseline.txt`: a line that is there is never taken back.

`make freeze` adds the lines of new declarations, and refuses to drop any: what must change otherwise becomes a v2
package beside the v1. The check that `make check` runs is the same: no line of the baseline is missing from the protos,
and none of the protos is missing from it.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

PROTOS = Path(__file__).parent
BASELINE = PROTOS / "baseline.txt"
INCLUDED = Path(protoc.__file__).parent / "_proto"  # Google's own, such as timestamp.proto


def described() -> FileDescriptorSet:
    """All our protos as the compiler reads them, comments included. Raises RuntimeError where they do not compile."""
    paths = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        status = protoc.main(["", f"-I{PROTOS}", f"-I{INCLUDED}", "--include_source_info", f"--descriptor_set_out={out}", *paths])
        if status != 0:
            raise RuntimeError("the protos do not compile")
        return FileDescriptorSet.FromString(out.read_bytes())


def promises(file: FileDescriptorProto) -> Iterator[str]:
    """A line for everything in the file that another program may rely on."""
    for message in file.message_type:
        yield from promises_of_message(f"{file.package}.{message.name}", message)
    for enum in file.enum_type:
        yield from promises_of_enum(f"{file.package}.{enum.name}", enum)
    for service in file.service:
        for method in service.method:
            stream = ("stream " if method.client_streaming else "", "stream " if method.server_streaming else "")
            name = f"{file.package}.{service.name}.{method.name}"
            yield f"rpc {name}({stream[0]}{method.input_type[1:]}) returns ({stream[1]}{method.output_type[1:]})"


def promises_of_message(name: str, message: DescriptorProto) -> Iterator[str]:
    """The message, its fields, and what is nested in it."""
    yield f"message {name}"
    for field in message.field:
        yield f"field {name}.{field.name} = {field.number} {type_of(field)}"
    for nested in message.nested_type:
        yield from promises_of_message(f"{name}.{nested.name}", nested)
    for enum in message.enum_type:
        yield from promises_of_enum(f"{name}.{enum.name}", enum)


def promises_of_enum(name: str, enum: EnumDescriptorProto) -> Iterator[str]:
    """The enum and its values."""
    yield f"enum {name}"
    for value in enum.value:
        yield f"value {name}.{value.name} = {value.number}"


def type_of(field: FieldDescriptorProto) -> str:
    """The field's type with what changes its meaning on the wire or in the generated code."""
    kind = field.type_name[1:] or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {kind}"
    if field.proto3_optional:
        return f"optional {kind}"
    return f"oneof {kind}" if field.HasField("oneof_index") else kind


def current() -> set[str]:
    """What the protos promise now."""
    return {line for file in described().file for line in promises(file)}


def frozen() -> set[str]:
    """What was promised before."""
    return set(BASELINE.read_text(encoding="utf-8").splitlines()) if BASELINE.exists() else set()


def main() -> int:
    """Add what is new; 1, and nothing written, where a promise would be broken."""
    before, now = frozen(), current()
    if broken := sorted(before - now):
        print("these were promised and are gone; a breaking change is a new package v2:\n" + "\n".join(broken), file=sys.stderr)
        return 1
    BASELINE.write_text("".join(f"{line}\n" for line in sorted(now)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
