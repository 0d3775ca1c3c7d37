import pytest

from pointsman.kit.errors import ErrorKind, Internal, Overloaded, RateLimited, ServiceError, UpstreamFailed, class_of
from pointsman.kit.http_errors import from_http_status, render_error

# kind, reason, status, type, whether SDKs should try again
TABLE = [
    (ErrorKind.INVALID_ARGUMENT, "invalid_json", 400, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "no_candidate", 400, "invalid_request_error", False),
    (ErrorKind.UNAUTHENTICATED, "invalid_api_key", 401, "authentication_error", False),
    (ErrorKind.PERMISSION_DENIED, "scope_missing", 403, "permission_error", False),
    (ErrorKind.NOT_FOUND, "model_not_found", 404, "not_found_error", False),
    (ErrorKind.METHOD_NOT_ALLOWED, "method_not_allowed", 405, "invalid_request_error", False),
    (ErrorKind.CONFLICT, "version_conflict", 409, "conflict_error", False),
    (ErrorKind.PRECONDITION_REQUIRED, "precondition_required", 428, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "request_timeout", 408, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "length_required", 411, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "body_too_large", 413, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "uri_too_long", 414, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "unsupported_media_type", 415, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "idempotency_mismatch", 422, "invalid_request_error", False),
    (ErrorKind.INVALID_ARGUMENT, "headers_too_large", 431, "invalid_request_error", False),
    (ErrorKind.RATE_LIMITED, "rate_limit_exceeded", 429, "rate_limit_error", True),
    (ErrorKind.RATE_LIMITED, "budget_exceeded", 429, "rate_limit_error", False),
    (ErrorKind.INTERNAL, "internal", 500, "api_error", True),
    (ErrorKind.UPSTREAM_FAILED, "provider_error", 502, "upstream_error", True),
    (ErrorKind.UPSTREAM_FAILED, "provider_auth", 502, "upstream_error", False),
    (ErrorKind.OVERLOADED, "overloaded", 503, "overloaded_error", True),
    (ErrorKind.UNAVAILABLE, "shutting_down", 503, "overloaded_error", True),
    (ErrorKind.UNAVAILABLE, "no_healthy_provider", 503, "overloaded_error", True),
    (ErrorKind.UNAVAILABLE, "dependency_down", 503, "overloaded_error", True),
    (ErrorKind.DEADLINE_EXCEEDED, "provider_timeout", 504, "timeout_error", True),
]


@pytest.mark.parametrize(("kind", "reason", "status", "error_type", "should_retry"), TABLE, ids=[row[1] for row in TABLE])
def test_every_code_has_its_status_and_type(kind: ErrorKind, reason: str, status: int, error_type: str, should_retry: bool) -> None:  # noqa: FBT001  # a table's column
    rendered = render_error(class_of(kind)(reason, "why"), request_id="req_1")
    error = rendered.body["error"]
    assert (rendered.status, error["type"], error["code"]) == (status, error_type, reason)
    assert rendered.headers["x-should-retry"] == ("true" if should_retry else "false")
    assert rendered.headers["x-request-id"] == "req_1"
    assert ("retry-after" in rendered.headers) is (status in {429, 503} and reason != "budget_exceeded")


def test_the_body_has_openais_shape_and_says_who_failed() -> None:
    rendered = render_error(UpstreamFailed("provider_error", "it broke", provider="openai", param="model"), request_id=None)
    assert rendered.body == {
        "error": {
            "message": "it broke",
            "type": "upstream_error",
            "param": "model",
            "code": "provider_error",
            "source": "provider",
            "provider": "openai",
        }
    }


@pytest.mark.parametrize(
    ("seconds", "header"), [(None, "1"), (0.0, "1"), (0.2, "1"), (1.2, "2"), (60.0, "60"), (3_600.0, "60"), (-5.0, "1")], ids=str
)
def test_retry_after_is_a_whole_number_of_seconds_from_1_to_60(seconds: float | None, header: str) -> None:
    for error in (RateLimited("rate_limit_exceeded", "", retry_after_s=seconds), Overloaded("overloaded", "", retry_after_s=seconds)):
        assert render_error(error, request_id=None).headers["retry-after"] == header


def test_an_internal_error_tells_the_requests_id_alone() -> None:
    error = render_error(Internal("internal", "canary"), request_id="req_1").body["error"]
    assert (error["message"], error["source"]) == ("internal error, request req_1", "gateway")


@pytest.mark.parametrize(
    ("status", "reason"), [(404, "route_not_found"), (405, "method_not_allowed"), (413, "body_too_large"), (400, "invalid_value")]
)
def test_what_a_framework_refuses_by_itself_has_a_code_too(status: int, reason: str) -> None:
    error: ServiceError = from_http_status(status)
    assert (error.reason, render_error(error, request_id=None).status) == (reason, status)
