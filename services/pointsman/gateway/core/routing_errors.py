"""Why no model may answer.

RoutingError
├── InvalidPolicy          the policy named is none
├── NoCandidate            the request's own constraints leave no model
├── ContextLengthExceeded  the prompt fits no model's window
├── ModelNotFound          a model or agent named is unknown, or not for this key
├── DecisionStale          a decision made before cannot be run as it was
└── NoHealthyProvider      models would fit, but none can be called now
"""

from typing import ClassVar


class RoutingError(Exception):
    """A request that cannot be routed. `reason` is the stable code that clients see."""

    reason: ClassVar[str]

    def __init__(self, message: str, *, param: str | None = None) -> None:
        """Take a message for the caller, without any of his text, and the field that is to blame."""
        super().__init__(message)
        self.message = message
        self.param = param


class InvalidPolicy(RoutingError):
    """The policy is no name of the catalogue and no number from 0 to 1."""

    reason: ClassVar[str] = "invalid_value"


class NoCandidate(RoutingError):
    """The request's own constraints exclude every model."""

    reason: ClassVar[str] = "no_candidate"


class ContextLengthExceeded(RoutingError):
    """The prompt, with the answer asked for, is longer than every model's window."""

    reason: ClassVar[str] = "context_length_exceeded"


class ModelNotFound(RoutingError):
    """A model or agent that was named does not exist, or not for this key."""

    reason: ClassVar[str] = "model_not_found"


class DecisionStale(RoutingError):
    """A decision made before cannot be run as it was made."""

    reason: ClassVar[str] = "decision_stale"


class NoHealthyProvider(RoutingError):
    """No fitting model can be called; the message names the settings that would change it."""

    reason: ClassVar[str] = "no_healthy_provider"
