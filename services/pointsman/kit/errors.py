"""What can go wrong on purpose.

    ServiceError
     ├── InvalidArgument       the request is wrong, and stays wrong
     ├── Unauthenticated       no credential, or not a valid one
     ├── PermissionDenied      a valid credential that does not suffice
     ├── NotFound              the thing named does not exist, or is a stranger's
     ├── MethodNotAllowed      the address exists, the method does not
     ├── Conflict              true once, but something else came first
     ├── PreconditionRequired  the request must say what it is based on
     ├── RateLimited           the caller's own limit or budget
     ├── Overloaded            our limit; any caller would hear this now
     ├── Unavailable           something that is needed is away
     │    └── AddressInUse     a port to listen on is taken
     ├── UpstreamFailed        a provider failed
     ├── DeadlineExceeded      time ran out
     └── Internal              a fault of ours

A kind decides how an error travels (`grpc_errors`, `http_errors`); its `reason` is the stable code
that clients match on. Any other exception is a bug, and reaches a client as Internal without its text.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar


class ErrorKind(StrEnum):
    """Which sort of error; a closed set, each with one gRPC status."""

    INVALID_ARGUMENT = "invalid_argument"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    PRECONDITION_REQUIRED = "precondition_required"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    UPSTREAM_FAILED = "upstream_failed"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    INTERNAL = "internal"


class ServiceError(Exception):
    """An expected failure that a client may be told about.

    reason: stable code, such as "no_candidate". message: what, which, why; it reaches the client, so
    it holds no prompt and no secret. param: the field at fault. provider: who failed, where a
    provider did. retry_after_s: when trying again may help. metadata: more, for programs.
    """

    kind: ClassVar[ErrorKind] = ErrorKind.INTERNAL

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        param: str | None = None,
        provider: str | None = None,
        retry_after_s: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.param = param
        self.provider = provider
        self.retry_after_s = retry_after_s
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata or {}))

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class InvalidArgument(ServiceError):
    """The request is wrong, and stays wrong however often it is sent."""

    kind = ErrorKind.INVALID_ARGUMENT


class Unauthenticated(ServiceError):
    """No credential, or not a valid one."""

    kind = ErrorKind.UNAUTHENTICATED


class PermissionDenied(ServiceError):
    """A valid credential that does not suffice."""

    kind = ErrorKind.PERMISSION_DENIED


class NotFound(ServiceError):
    """The thing named does not exist, or the caller may not know that it does."""

    kind = ErrorKind.NOT_FOUND


class MethodNotAllowed(ServiceError):
    """The address exists, the method does not."""

    kind = ErrorKind.METHOD_NOT_ALLOWED


class Conflict(ServiceError):
    """Something else came first."""

    kind = ErrorKind.CONFLICT


class PreconditionRequired(ServiceError):
    """The request must say which version it is based on."""

    kind = ErrorKind.PRECONDITION_REQUIRED


class RateLimited(ServiceError):
    """The caller's own limit or budget is used up."""

    kind = ErrorKind.RATE_LIMITED


class Overloaded(ServiceError):
    """Our limit is reached; any caller would hear this now."""

    kind = ErrorKind.OVERLOADED


class Unavailable(ServiceError):
    """Something that is needed is away."""

    kind = ErrorKind.UNAVAILABLE


class AddressInUse(Unavailable):
    """A port to listen on is taken."""

    def __init__(self, address: str) -> None:
        super().__init__("address_in_use", f"listen on {address}: the port is taken by another process")
        self.address = address


class UpstreamFailed(ServiceError):
    """A provider failed."""

    kind = ErrorKind.UPSTREAM_FAILED


class DeadlineExceeded(ServiceError):
    """Time ran out."""

    kind = ErrorKind.DEADLINE_EXCEEDED


class Internal(ServiceError):
    """A fault of ours."""

    kind = ErrorKind.INTERNAL


_CLASSES: Mapping[ErrorKind, type[ServiceError]] = {
    error.kind: error
    for error in (
        InvalidArgument,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        MethodNotAllowed,
        Conflict,
        PreconditionRequired,
        RateLimited,
        Overloaded,
        Unavailable,
        UpstreamFailed,
        DeadlineExceeded,
        Internal,
    )
}


def class_of(kind: ErrorKind) -> type[ServiceError]:
    """The exception that stands for a kind."""
    return _CLASSES[kind]


def internal_error(request_id: str | None) -> Internal:
    """What a client hears of a bug: nothing but where to look."""
    return Internal("internal", f"internal error, request {request_id}" if request_id else "internal error")
