"""How a call to a provider can fail, and what that says about whom."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class FailureReason(StrEnum):
    """Stable reasons that callers see."""

    PROVIDER_ERROR = "provider_error"
    PROVIDER_BAD_RESPONSE = "provider_bad_response"
    PROVIDER_AUTH = "provider_auth"
    PROVIDER_TIMEOUT = "provider_timeout"
    NO_HEALTHY_PROVIDER = "no_healthy_provider"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    CONTENT_FILTERED = "content_filtered"
    INVALID_VALUE = "invalid_value"


class Blame(Enum):
    """Whose fault it is, which decides who must not be tried again and what is remembered."""

    REQUEST = auto()
    """The request's: the provider would refuse it again, and is well."""
    KEY = auto()
    """The key's: refused until the configuration changes."""
    LIMIT = auto()
    """A published limit's: the key has to cool."""
    MODEL = auto()
    """The operator's: the provider does not know the model, or is not paid for it."""
    PROVIDER = auto()
    """The provider's, or the way's to it."""
    DEADLINE = auto()
    """Nobody's: the request's own time is over."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call failed. message: for people; holds no key, prompt or address."""

    reason: FailureReason
    message: str
    blame: Blame = Blame.PROVIDER
    status_code: int | None = None
    retry_after_s: float | None = None


class ProviderFailed(Exception):
    """A call to a provider failed; raised by adapters and translators."""

    def __init__(self, fault: Fault) -> None:
        """Take what happened."""
        super().__init__(fault.reason.value, fault.message)
        self.fault = fault


def bad_response(message: str) -> Fault:
    """The fault of an answer that is none."""
    return Fault(FailureReason.PROVIDER_BAD_RESPONSE, message)


def provider_error(message: str) -> Fault:
    """The fault of a provider that broke, or could not be reached."""
    return Fault(FailureReason.PROVIDER_ERROR, message)


def provider_timeout(message: str) -> Fault:
    """The fault of a provider that took too long."""
    return Fault(FailureReason.PROVIDER_TIMEOUT, message)
