"""What the protos promised once, they promise for ever."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from protos.freeze import current, described, frozen, promises

STATUS = "pointsman/api/status/v1/status.proto"


def test_nothing_that_was_promised_is_gone() -> None:
    assert frozen() - current() == set()


def test_everything_promised_is_in_the_baseline() -> None:
    assert current() - frozen() == set(), "run `make freeze`"


def changed(change: str) -> FileDescriptorProto:
    """The status proto after a breaking change."""
    file = next(file for file in described().file if file.name == STATUS)
    message = next(message for message in file.message_type if message.name == "ServiceStatus")
    field = next(field for field in message.field if field.name == "version")
    match change:
        case "renumber":
            field.number = 99
        case "rename":
            field.name = "program_version"
        case "retype":
            field.type = field.TYPE_INT64
        case "repeat":
            field.label = field.LABEL_REPEATED
        case "remove":
            message.field.remove(field)
        case "remove message":
            file.message_type.remove(message)
    return file


@pytest.mark.parametrize("change", ["renumber", "rename", "retype", "repeat", "remove", "remove message"])
def test_breaking_change_is_seen(change: str) -> None:
    others = {line for line in frozen() if ".status.v1." not in line}
    assert frozen() - others - set(promises(changed(change)))
