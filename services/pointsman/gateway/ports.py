"""What the gateway needs of the four services, in its own words. `adapters/` speaks to them.

Every call takes a deadline and raises kit's ServiceError alone.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from pointsman.gateway.core.catalog import CatalogVersion
from pointsman.gateway.core.judgement import BUILT_IN_CATEGORIES, Judgement
from pointsman.gateway.core.routing import Conditions
from pointsman.kit.deadline import Deadline

DEFAULT_PROJECT_ID = "default"


class Strategy(StrEnum):
    """How a prompt is classified."""

    RULES = "rules"
    SIMILARITY = "similarity"
    HYBRID = "hybrid"
    FEATURES = "features"
    BERT = "bert"  # only where the classifier has a fine-tuned model
    LLM = "llm"  # a language model is asked; never the classifier


@dataclass(frozen=True, slots=True)
class PromptText:
    """What is classified: the last human turn, and a short digest of what came before it."""

    text: str = field(repr=False)
    context_digest: str | None = field(default=None, repr=False)
    cache_scope: str = ""  # opaque: judgements are found again only by prompts of the same scope


class Classifier(Protocol):
    """Judges prompts."""

    async def classify(self, prompt: PromptText, *, strategy: Strategy, deadline: Deadline) -> Judgement:
        """The judgement, as it came: it may name categories that nobody knows, or hold no finite number.

        Raises PreconditionRequired "strategy_unavailable" where the classifier lives and has not what the strategy needs.
        """


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The gateway's own judgement, by keyword rules alone, and the categories that there are."""

    judge: Callable[[str], Judgement]
    categories: frozenset[str] = BUILT_IN_CATEGORIES
    version: str = ""  # of the classification configuration


class AttemptOutcome(StrEnum):
    """How a provider's call ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CUT = "cut"
    CANCELLED = "cancelled"


class BilledTo(StrEnum):
    """Who pays for an attempt."""

    OPERATOR = "operator"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class MeasuredUsage:
    """Tokens of one attempt, as the provider counts them or, where `estimated`, as we do."""

    input_token_count: int
    output_token_count: int
    cached_input_token_count: int = 0
    cache_write_token_count: int = 0
    reasoning_token_count: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to one provider. Times are seconds; `start_time_s` of the Unix epoch."""

    attempt_id: str
    number: int
    model_id: str
    provider_id: str
    outcome: AttemptOutcome
    start_time_s: float
    latency_s: float
    failure_reason: str | None = None
    provider_status_code: int | None = None
    usage: MeasuredUsage | None = None  # None: the provider did no work that it bills
    time_to_first_token_s: float | None = None
    billed_to: BilledTo = BilledTo.OPERATOR
    cost_nanousd: int | None = None  # None: the price is unknown, or it is not computed yet


@dataclass(frozen=True, slots=True)
class CompletionCall:
    """One completion to run on the first candidate that gives content."""

    request_id: str
    catalog_version: CatalogVersion
    candidate_model_ids: tuple[str, ...]
    body: bytes = field(repr=False)  # OpenAI's chat completions JSON
    stream: bool
    max_attempts: int
    caller_api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A provider is being called."""

    number: int
    model_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole server-sent events of the answer, in OpenAI's form; none is [DONE] or usage alone."""

    events: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AttemptFinished:
    """A provider's call has ended."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class CompletionDone:
    """The answer is whole. `body` is None where it was streamed."""

    finish_reason: str
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CompletionFailed:
    """There is no answer, or no more of it. `reason` is a stable code."""

    reason: str
    message: str
    provider_id: str | None = None
    retry_after_s: float | None = None
    after_content: bool = False


CompletionEvent: TypeAlias = AttemptStarted | Chunk | AttemptFinished | CompletionDone | CompletionFailed


class Executor(Protocol):
    """Calls providers. Leaving either context cancels what still runs there."""

    def stream_completion(self, call: CompletionCall, *, deadline: Deadline) -> AbstractAsyncContextManager[AsyncIterator[CompletionEvent]]:
        """Events of one completion; CompletionDone or CompletionFailed is the last."""

    def watch_conditions(self, *, deadline: Deadline) -> AbstractAsyncContextManager[AsyncIterator[Conditions]]:
        """Which providers can be called and how models have been doing, whole, at least each second."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a request is for."""

    project_id: str = DEFAULT_PROJECT_ID
    key_id: str | None = None  # None: no key was asked for


@dataclass(frozen=True, slots=True)
class PlannedAttempt:
    """A call that may be made and billed to the operator."""

    model_id: str
    provider_id: str
    worst_case_nanousd: int


@dataclass(frozen=True, slots=True)
class Spend:
    """A reservation to be opened before the first paid call."""

    spend_id: str
    request_id: str
    account: Account
    planned_attempts: tuple[PlannedAttempt, ...]
    time_to_live_s: float


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a request used."""

    request_id: str
    account: Account
    attempts: tuple[Attempt, ...]
    catalog_version: CatalogVersion
    spend_id: str | None = None  # None: nothing was reserved
    category: str | None = None
    decision_id: str | None = None
    predicted_success: float | None = None  # by ability alone, of the model that gave the whole answer


@dataclass(frozen=True, slots=True)
class OpenedSpend:
    """A reservation that the ledger is to hear of later; `open_time_s` of the Unix epoch."""

    spend: Spend
    open_time_s: float


SpoolEntry: TypeAlias = OpenedSpend | Settlement


class Spool(Protocol):
    """What is to be booked later, kept where neither a crash nor a power cut loses it."""

    async def append(self, entries: Sequence[SpoolEntry]) -> None:
        """Keep them: on disk when it returns. Raises Unavailable where the disk takes none of them."""

    async def replace_all(self, entries: Sequence[SpoolEntry]) -> None:
        """Keep these, and none of those before. Raises Unavailable where the disk does not; then all are kept."""


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A routing decision without the prompt. `detail` is what `POST /route` answers, as JSON."""

    decision_id: str
    request_id: str
    create_time_s: float
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


class Ledger(Protocol):
    """Books money and decisions. What succeeded is on disk; every call may be repeated."""

    async def open_spend(self, spend: Spend, *, deadline: Deadline) -> int:
        """Reserve; how many of the planned attempts fit, counted from the first."""

    async def settle_spend(self, settlement: Settlement, *, deadline: Deadline) -> None:
        """Book what was used and free what was reserved."""

    async def record_decisions(self, records: Sequence[DecisionRecord], *, deadline: Deadline) -> None:
        """Keep decisions."""

    async def find_decision(self, decision_id: str, *, deadline: Deadline) -> DecisionRecord | None:
        """The decision of that name; None where there is none."""
