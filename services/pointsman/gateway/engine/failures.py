"""Failures of routing and of providers as the errors that clients see."""

from pointsman.gateway.core.routing_errors import (
    ContextLengthExceeded,
    DecisionStale,
    InvalidPolicy,
    ModelNotFound,
    NoCandidate,
    NoHealthyProvider,
    RoutingError,
)
from pointsman.gateway.ports import CompletionFailed
from pointsman.kit.errors import (
    Conflict,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    RateLimited,
    ServiceError,
    Unavailable,
    UpstreamFailed,
)

ROUTING_ERRORS: dict[type[RoutingError], type[ServiceError]] = {
    InvalidPolicy: InvalidArgument,
    NoCandidate: InvalidArgument,
    ContextLengthExceeded: InvalidArgument,
    ModelNotFound: NotFound,
    DecisionStale: Conflict,
    NoHealthyProvider: Unavailable,
}

PROVIDER_FAILURES: dict[str, type[ServiceError]] = {
    "provider_error": UpstreamFailed,
    "provider_bad_response": UpstreamFailed,
    "provider_auth": UpstreamFailed,
    "provider_timeout": DeadlineExceeded,
    "deadline_exceeded": DeadlineExceeded,
    "no_healthy_provider": Unavailable,
    "rate_limit_exceeded": RateLimited,
    "context_length_exceeded": InvalidArgument,
    "content_filtered": InvalidArgument,
    "invalid_value": InvalidArgument,
}


def routing_failure(error: RoutingError) -> ServiceError:
    """The error of a request that cannot be routed."""
    return ROUTING_ERRORS[type(error)](error.reason, error.message, param=error.param)


def provider_failure(failed: CompletionFailed) -> ServiceError:
    """The error of a completion that no provider gave."""
    kind = PROVIDER_FAILURES.get(failed.reason)
    if kind is None:
        return Internal("internal", "the executor ended with a reason that is not known here")
    return kind(failed.reason, failed.message, provider=failed.provider_id, retry_after_s=failed.retry_after_s)
