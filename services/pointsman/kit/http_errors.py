"""Expected failures as HTTP answers, in the shape of OpenAI's API. No other file names an HTTP error status."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.kit.errors import ErrorKind, InvalidArgument, MethodNotAllowed, NotFound, ServiceError, internal_error

UNKNOWN_STATUS = 0
ALLOWED_METHODS = "allowed_methods"  # in the metadata of MethodNotAllowed
MAX_RETRY_AFTER_S = 60
DEFAULT_RETRY_AFTER_S = 1

STATUS_AND_TYPE: dict[ErrorKind, tuple[int, str]] = {
    ErrorKind.INVALID_ARGUMENT: (400, "invalid_request_error"),
    ErrorKind.UNAUTHENTICATED: (401, "authentication_error"),
    ErrorKind.PERMISSION_DENIED: (403, "permission_error"),
    ErrorKind.NOT_FOUND: (404, "not_found_error"),
    ErrorKind.METHOD_NOT_ALLOWED: (405, "invalid_request_error"),
    ErrorKind.CONFLICT: (409, "conflict_error"),
    ErrorKind.PRECONDITION_REQUIRED: (428, "invalid_request_error"),
    ErrorKind.RATE_LIMITED: (429, "rate_limit_error"),
    ErrorKind.OVERLOADED: (503, "overloaded_error"),
    ErrorKind.UNAVAILABLE: (503, "overloaded_error"),
    ErrorKind.UPSTREAM_FAILED: (502, "upstream_error"),
    ErrorKind.DEADLINE_EXCEEDED: (504, "timeout_error"),
    ErrorKind.INTERNAL: (500, "api_error"),
}
# Invalid arguments that HTTP has a status of its own for.
STATUS_BY_REASON: dict[str, int] = {
    "request_timeout": 408,
    "length_required": 411,
    "body_too_large": 413,
    "uri_too_long": 414,
    "unsupported_media_type": 415,
    "idempotency_mismatch": 422,
    "headers_too_large": 431,
}
# Kinds for which the same request may succeed when sent again; SDKs obey x-should-retry.
RETRYABLE_KINDS = {
    ErrorKind.RATE_LIMITED,
    ErrorKind.OVERLOADED,
    ErrorKind.UNAVAILABLE,
    ErrorKind.UPSTREAM_FAILED,
    ErrorKind.DEADLINE_EXCEEDED,
    ErrorKind.INTERNAL,
}
NEVER_RETRYABLE_REASONS = {"budget_exceeded", "provider_auth"}


@dataclass(frozen=True, slots=True)
class RenderedError:
    """What is answered."""

    status: int
    body: dict[str, dict[str, str | None]]
    headers: dict[str, str]


def render_error(error: ServiceError, *, request_id: str | None) -> RenderedError:
    """Status, body and headers of a failure, by the table of codes. An Internal one tells no more than the request's id."""
    status, error_type = STATUS_AND_TYPE[error.kind]
    if error.kind is ErrorKind.INVALID_ARGUMENT:
        status = STATUS_BY_REASON.get(error.reason, status)
    message = internal_error(request_id).message if error.kind is ErrorKind.INTERNAL else error.message
    retryable = error.kind in RETRYABLE_KINDS and error.reason not in NEVER_RETRYABLE_REASONS
    headers = {"x-should-retry": "true" if retryable else "false"}
    if request_id is not None:
        headers["x-request-id"] = request_id
    if error.kind is ErrorKind.METHOD_NOT_ALLOWED and ALLOWED_METHODS in error.metadata:
        headers["allow"] = error.metadata[ALLOWED_METHODS]
    if retryable and status in {429, 503}:
        seconds = DEFAULT_RETRY_AFTER_S if error.retry_after_s is None else math.ceil(error.retry_after_s)
        headers["retry-after"] = str(min(MAX_RETRY_AFTER_S, max(1, seconds)))
    body = {
        "message": message,
        "type": error_type,
        "param": error.param,
        "code": error.reason,
        "source": "gateway" if error.provider is None else "provider",
        "provider": error.provider,
    }
    return RenderedError(status, {"error": body}, headers)


def from_http_status(status: int, *, allowed_methods: Sequence[str] = ()) -> ServiceError:
    """The failure behind a status that a web framework raised by itself, such as for an unknown path.

    allowed_methods: those that the path takes.
    """
    match status:
        case 404:
            return NotFound("route_not_found", "no such path; /docs lists those that exist")
        case 405:
            allowed = ", ".join(allowed_methods)
            return MethodNotAllowed("method_not_allowed", "this path does not take this method", metadata={ALLOWED_METHODS: allowed})
        case _:
            reason = next((reason for reason, known in STATUS_BY_REASON.items() if known == status), "invalid_value")
            return InvalidArgument(reason, "the request cannot be read")
