"""What is booked and what is remembered, as it comes from callers. Times are nanoseconds since 1970, money nano-dollars."""

from dataclasses import dataclass, field, replace
from enum import StrEnum


class AttemptOutcome(StrEnum):
    """How a call to a provider ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CUT = "cut"
    CANCELLED = "cancelled"


class BilledTo(StrEnum):
    """Who pays for a call."""

    OPERATOR = "operator"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a request is for. key_id: None where no key was asked for."""

    project_id: str
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """Which prices applied. number 0: none."""

    epoch: str
    number: int


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the provider counts them; all are 0 or more."""

    input_token_count: int
    output_token_count: int
    cached_input_token_count: int = 0
    cache_write_token_count: int = 0
    reasoning_token_count: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to one provider. usage None: it did no work that it bills. cost_nanousd None: the price is not known."""

    attempt_id: str
    number: int
    model_id: str
    provider_id: str
    outcome: AttemptOutcome
    billed_to: BilledTo
    start_time_ns: int
    latency_ns: int
    cost_nanousd: int | None = None
    usage: TokenUsage | None = None
    failure_reason: str | None = None
    provider_status_code: int | None = None
    time_to_first_token_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a request used. spend_id None: nothing was reserved, because all was free.

    predicted_success: how probably the model of the whole answer answers well, by its ability alone; None: not known.
    """

    request_id: str
    account: Account
    attempts: tuple[Attempt, ...]
    spend_id: str | None = None
    category: str | None = None
    decision_id: str | None = None
    catalog_version: CatalogVersion = CatalogVersion("", 0)
    predicted_success: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A routing decision without its prompt; detail is opaque here."""

    decision_id: str
    request_id: str
    create_time_ns: int
    account: Account
    category: str
    difficulty: str | None
    policy: str
    cause: str
    model_id: str
    catalog_version: CatalogVersion
    degraded: tuple[str, ...]
    prompt_hash: bytes
    detail: bytes


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thought of an answer, 0 (bad) to 1 (good). As it comes it names a request or a decision, kept it has a request.

    metric: what was judged; empty: the answer as a whole.
    """

    feedback_id: str
    account: Account
    metric: str
    value: float
    request_id: str | None = None
    decision_id: str | None = None
    comment: str = field(default="", repr=False)

    def about(self, request_id: str) -> "Feedback":
        """The same, with the request that it is about."""
        return replace(self, request_id=request_id)

    def says_the_same(self, again: "Feedback") -> bool:
        """True where `again`, as it comes, is this one, as it is kept."""
        return again == (self if again.decision_id is None else replace(self, request_id=None))
