import grpc
import pytest
from google.rpc.status_pb2 import Status

from pointsman.kit.errors import ErrorKind, Internal, class_of
from pointsman.kit.grpc_errors import DETAILS_KEY, MAX_MESSAGE_BYTES, MAX_SHORT_BYTES, cut, status_of, to_service_error

TABLE = {
    ErrorKind.INVALID_ARGUMENT: "INVALID_ARGUMENT",
    ErrorKind.UNAUTHENTICATED: "UNAUTHENTICATED",
    ErrorKind.PERMISSION_DENIED: "PERMISSION_DENIED",
    ErrorKind.NOT_FOUND: "NOT_FOUND",
    ErrorKind.METHOD_NOT_ALLOWED: "UNIMPLEMENTED",
    ErrorKind.CONFLICT: "ABORTED",
    ErrorKind.PRECONDITION_REQUIRED: "FAILED_PRECONDITION",
    ErrorKind.RATE_LIMITED: "RESOURCE_EXHAUSTED",
    ErrorKind.OVERLOADED: "UNAVAILABLE",
    ErrorKind.UNAVAILABLE: "UNAVAILABLE",
    ErrorKind.UPSTREAM_FAILED: "UNAVAILABLE",
    ErrorKind.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    ErrorKind.INTERNAL: "INTERNAL",
}


def rpc_error(code: grpc.StatusCode, *trailers: tuple[str, str | bytes]) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details="ip 10.0.0.7 said no")


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_each_kind_has_its_status(kind: ErrorKind) -> None:
    code, message, _ = status_of(class_of(kind)("reason", "why"))
    assert (code.name, message) == (TABLE[kind], "why")


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, ErrorKind.UNAVAILABLE, "dependency_down"),
        (grpc.StatusCode.CANCELLED, ErrorKind.UNAVAILABLE, "dependency_down"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ErrorKind.OVERLOADED, "overloaded"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ErrorKind.DEADLINE_EXCEEDED, "deadline_exceeded"),
        (grpc.StatusCode.UNIMPLEMENTED, ErrorKind.INTERNAL, "internal"),
        (grpc.StatusCode.UNKNOWN, ErrorKind.INTERNAL, "internal"),
        (grpc.StatusCode.DATA_LOSS, ErrorKind.INTERNAL, "internal"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_bare_status_says_what_it_can_and_no_more(code: grpc.StatusCode, kind: ErrorKind, reason: str) -> None:
    error = to_service_error(rpc_error(code), peer="classifier")
    assert (error.kind, error.reason) == (kind, reason)
    assert error.message == f"classifier: {code.name.lower()}"


def test_details_of_a_kind_that_is_not_known_here_are_a_fault_of_ours() -> None:
    newer = status_of(Internal("odd", "odd"))[2][0][1].replace(b"internal", b"infernal")
    error = to_service_error(rpc_error(grpc.StatusCode.INTERNAL, (DETAILS_KEY, newer)), peer="classifier")
    assert (type(error), error.reason) == (Internal, "odd")


@pytest.mark.parametrize("details", [b"\xff\xff", b"", Status(message="foreign").SerializeToString()], ids=["noise", "empty", "foreign"])
def test_details_of_a_stranger_leave_the_bare_status(details: bytes) -> None:
    error = to_service_error(rpc_error(grpc.StatusCode.UNAVAILABLE, (DETAILS_KEY, details)), peer="classifier")
    assert (error.kind, error.reason) == (ErrorKind.UNAVAILABLE, "dependency_down")


def test_facts_of_an_error_cannot_change_its_kind() -> None:
    code, _, trailers = status_of(class_of(ErrorKind.NOT_FOUND)("reason", "why", metadata={"kind": "internal"}))
    assert to_service_error(rpc_error(code, *trailers), peer="p").kind is ErrorKind.NOT_FOUND


def test_a_long_message_is_cut_between_characters() -> None:
    code, short, trailers = status_of(Internal("reason", "é" * 10_000))
    assert len(short.encode()) == MAX_SHORT_BYTES
    assert len(to_service_error(rpc_error(code, *trailers), peer="p").message.encode()) == MAX_MESSAGE_BYTES
    assert cut("aé", 2) == "a"
