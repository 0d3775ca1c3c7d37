"""Expected failures as gRPC statuses, and back. No other file names a gRPC status code.

Kind, reason and facts travel as google.rpc.ErrorInfo, the time to wait as google.rpc.RetryInfo, in the
status details, where a client in any language finds them.
"""

from contextlib import suppress
from typing import Any as AnyMessage
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from pointsman.kit.errors import ErrorKind, ServiceError, class_of

DOMAIN = "pointsman"
DETAILS_KEY = "grpc-status-details-bin"  # where gRPC's own status extension looks

STATUS_CODES: dict[ErrorKind, grpc.StatusCode] = {
    ErrorKind.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorKind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    ErrorKind.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    ErrorKind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ErrorKind.METHOD_NOT_ALLOWED: grpc.StatusCode.UNIMPLEMENTED,
    ErrorKind.CONFLICT: grpc.StatusCode.ABORTED,
    ErrorKind.PRECONDITION_REQUIRED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorKind.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    # So another replica may be tried; the client's retry throttling keeps that from becoming a storm.
    ErrorKind.OVERLOADED: grpc.StatusCode.UNAVAILABLE,
    ErrorKind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    ErrorKind.UPSTREAM_FAILED: grpc.StatusCode.UNAVAILABLE,
    ErrorKind.DEADLINE_EXCEEDED: grpc.StatusCode.DEADLINE_EXCEEDED,
    ErrorKind.INTERNAL: grpc.StatusCode.INTERNAL,
}
# What a peer's bare status means: one that gRPC itself made, or a stranger.
BARE_STATUSES: dict[grpc.StatusCode, tuple[ErrorKind, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (ErrorKind.INVALID_ARGUMENT, "invalid_value"),
    grpc.StatusCode.OUT_OF_RANGE: (ErrorKind.INVALID_ARGUMENT, "invalid_value"),
    grpc.StatusCode.UNAUTHENTICATED: (ErrorKind.UNAUTHENTICATED, "invalid_api_key"),
    grpc.StatusCode.PERMISSION_DENIED: (ErrorKind.PERMISSION_DENIED, "scope_missing"),
    grpc.StatusCode.NOT_FOUND: (ErrorKind.NOT_FOUND, "not_found"),
    grpc.StatusCode.ABORTED: (ErrorKind.CONFLICT, "version_conflict"),
    grpc.StatusCode.FAILED_PRECONDITION: (ErrorKind.PRECONDITION_REQUIRED, "precondition_required"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (ErrorKind.OVERLOADED, "overloaded"),
    grpc.StatusCode.UNAVAILABLE: (ErrorKind.UNAVAILABLE, "dependency_down"),
    grpc.StatusCode.CANCELLED: (ErrorKind.UNAVAILABLE, "dependency_down"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (ErrorKind.DEADLINE_EXCEEDED, "deadline_exceeded"),
}
# CANCELLED: what a call meets that reaches a server at the moment it stops.
RETRYABLE_STATUS_NAMES = ["UNAVAILABLE", "CANCELLED"]
# What gRPC itself says where there is no wire to say it: calls between services that share a process.
OK = grpc.StatusCode.OK
CALLER_LEFT = grpc.StatusCode.CANCELLED
NO_SUCH_METHOD = grpc.StatusCode.UNIMPLEMENTED
NOT_SERVING = grpc.StatusCode.UNAVAILABLE
TIME_RAN_OUT = grpc.StatusCode.DEADLINE_EXCEEDED
TOO_MUCH = grpc.StatusCode.RESOURCE_EXHAUSTED
CRASHED = grpc.StatusCode.UNKNOWN
# A status larger than the metadata that a client takes would reach it as another error. The short
# text is percent-encoded on the wire (x 3), the details base64 (x 4/3): together below 8 KiB.
MAX_SHORT_BYTES = 512
MAX_MESSAGE_BYTES = 4 << 10


def status_of(error: ServiceError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Status code, message and trailing metadata of an expected failure."""
    code = STATUS_CODES[error.kind]
    facts = {**error.metadata, "kind": error.kind.value, "param": error.param, "provider": error.provider}
    info = ErrorInfo(reason=error.reason, domain=DOMAIN, metadata={name: value for name, value in facts.items() if value is not None})
    details = [Any(), Any()] if error.retry_after_s is not None else [Any()]
    details[0].Pack(info)
    if error.retry_after_s is not None:
        retry = RetryInfo()
        retry.retry_delay.FromNanoseconds(round(error.retry_after_s * 1e9))
        details[1].Pack(retry)
    status = Status(code=code.value[0], message=cut(error.message, MAX_MESSAGE_BYTES), details=details)
    return code, cut(error.message, MAX_SHORT_BYTES), ((DETAILS_KEY, status.SerializeToString()),)


def to_service_error(rpc_error: grpc.aio.AioRpcError, *, peer: str) -> ServiceError:
    """The failure that a peer answered, as it raised it; a bare status by the table above. peer: its name, for people."""
    for key, value in rpc_error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            with suppress(DecodeError):
                error = from_details(Status.FromString(value))
                if error is not None:
                    return error
    kind, reason = BARE_STATUSES.get(rpc_error.code(), (ErrorKind.INTERNAL, "internal"))
    return class_of(kind)(reason, f"{peer}: {rpc_error.code().name.lower()}")


def from_details(status: Status) -> ServiceError | None:
    """The failure that status details hold; None where they are a stranger's, such as a proxy's. Raises DecodeError."""
    info, retry = ErrorInfo(), RetryInfo()
    retry_after_s: float | None = None
    for detail in status.details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(RetryInfo.DESCRIPTOR):
            detail.Unpack(retry)
            retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9
    if info.domain != DOMAIN:
        return None
    facts = dict(info.metadata)
    kind = facts.pop("kind", ErrorKind.INTERNAL.value)
    return class_of(ErrorKind(kind) if kind in set(ErrorKind) else ErrorKind.INTERNAL)(
        info.reason or "internal",
        status.message,
        param=facts.pop("param", None),
        provider=facts.pop("provider", None),
        retry_after_s=retry_after_s,
        metadata=facts,
    )


def cut(text: str, max_bytes: int) -> str:
    """The text's beginning that fits, in UTF-8."""
    return text.encode()[:max_bytes].decode(errors="ignore")


async def abort(context: "grpc.aio.ServicerContext[AnyMessage, AnyMessage]", error: ServiceError) -> NoReturn:
    """End a call with the failure's status."""
    code, message, metadata = status_of(error)
    await context.abort(code, message, metadata)
