"""One completion: what is asked, and what happens on the way to the answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from pointsman.executor.core.catalog import CatalogVersion
from pointsman.executor.core.faults import FailureReason
from pointsman.executor.core.usage import TokenUsage

# Set for each candidate anew; the rest of a request is the same for all of them.
OWN_FIELDS = ("model", "stream", "stream_options")
DEFAULT_MAX_ATTEMPTS = 3


class ChatRequest:
    """A request in OpenAI's form, written as JSON once for all candidates."""

    def __init__(self, document: Mapping[str, object]) -> None:
        """Take the request's JSON object."""
        self.document = document
        rest = {name: value for name, value in document.items() if name not in OWN_FIELDS}
        self._rest_json = json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode()

    def body(self, upstream: str, *, stream: bool) -> bytes:
        """The request as a model with this name gets it. Usage is always asked for: money is counted from it."""
        own: dict[str, object] = {"model": upstream, "stream": stream}
        if stream:
            given = self.document.get("stream_options")
            own["stream_options"] = {**(given if isinstance(given, Mapping) else {}), "include_usage": True}
        head = json.dumps(own, ensure_ascii=False, separators=(",", ":")).encode()
        return head if self._rest_json == b"{}" else head[:-1] + b"," + self._rest_json[1:]

    @property
    def choice_count(self) -> int:
        """How many answers are asked for."""
        return _positive(self.document.get("n")) or 1

    @property
    def max_output_token_count(self) -> int | None:
        """Most tokens of all choices together; None where the request does not say."""
        limit = _positive(self.document.get("max_completion_tokens")) or _positive(self.document.get("max_tokens"))
        return None if limit is None else limit * self.choice_count


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What the gateway asks. candidate_model_ids: best first. caller_api_key: for the provider "openai" alone."""

    catalog_version: CatalogVersion
    candidate_model_ids: tuple[str, ...]
    chat: ChatRequest
    stream: bool
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    caller_api_key: str | None = field(default=None, repr=False)


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CUT = "cut"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to one provider, as it is booked. usage: None where the provider did no work that it bills.

    start_time_s: seconds since 1970. billed_to_caller: the caller's own key was used.
    """

    attempt_id: str
    number: int
    model_id: str
    provider_id: str
    outcome: AttemptOutcome
    start_time_s: float
    latency_s: float
    failure_reason: FailureReason | None = None
    provider_status_code: int | None = None
    usage: TokenUsage | None = None
    time_to_first_token_s: float | None = None
    billed_to_caller: bool = False


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A provider is being called."""

    number: int
    model_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole server-sent events in the client's form."""

    events: bytes


@dataclass(frozen=True, slots=True)
class AttemptFinished:
    """A provider's call has ended."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole. body: None where it was streamed."""

    finish_reason: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer, or no more of it."""

    reason: FailureReason
    message: str
    provider_id: str | None = None
    retry_after_s: float | None = None
    after_content: bool = False


Event: TypeAlias = AttemptStarted | Chunk | AttemptFinished | Done | Failed
