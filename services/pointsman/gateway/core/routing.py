"""What is asked of a routing decision, and what comes out of it. Values only; `ranking.py` decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.gateway.core.catalog import Agent, Capability, CatalogVersion, DataClass, Model, Policy


class Purpose(StrEnum):
    """What the decision is for."""

    RECOMMEND = "recommend"  # spends nothing; where no model is callable, all are ranked
    GENERATE = "generate"


class Cause(StrEnum):
    """Which row of the table of precedence chose rank 1, or what replaced it."""

    RANKED = "ranked"
    RULE_PREFERRED = "rule_preferred"
    PINNED_SESSION = "pinned_session"
    EXPLICIT_MODEL = "explicit_model"
    EXPERIMENT = "experiment"
    OVERRIDE = "override"
    FALLBACK = "fallback"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the caller allows. Empty or None: anything."""

    models: tuple[str, ...] = ()  # with "*" wildcards
    exclude_models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    exclude_providers: tuple[str, ...] = ()
    capabilities: frozenset[Capability] = frozenset()
    local_only: bool = False
    data_class: DataClass | None = None
    max_cost_nanousd: int | None = None
    max_latency_s: float | None = None
    min_success_probability: float | None = None
    max_fallback_cost_nanousd: int | None = None
    max_attempts: int = 3


@dataclass(frozen=True, slots=True)
class PriorDecision:
    """A decision made before, to be run as it was or with another of its candidates."""

    decision_id: str
    model_ids: tuple[str, ...]  # in its order
    cause: Cause
    override_model_id: str | None = None


@dataclass(frozen=True, slots=True)
class RoutingRequest:
    """One request as the decision sees it; no text."""

    policy: Policy
    policy_label: str  # what the caller named: an id or a number
    input_byte_count: int  # UTF-8 bytes of all messages' text, tools and schema included, images not
    purpose: Purpose = Purpose.GENERATE
    message_count: int = 1
    image_count: int = 0
    key_models: tuple[str, ...] = ()  # what the caller's key may use, with "*" wildcards; empty: all. Others do not exist for it
    constraints: Constraints = Constraints()
    required_capabilities: frozenset[Capability] = frozenset({Capability.CHAT})  # by what the request holds
    max_output_token_count: int | None = None
    choice_count: int = 1  # answers asked for at once, each as long as one alone
    task_type: str | None = None
    model_ids: tuple[str, ...] = ()  # concrete models, in order; empty: auto
    agent: Agent | None = None
    prior: PriorDecision | None = None
    pinned_model_id: str | None = None  # what answered the session last; kept where the policy pins
    in_tool_loop: bool = False  # the last messages feed tool results back
    experiment_units: Mapping[str, str] = field(default_factory=dict)  # by unit ("request", "session", "user"): its id
    has_caller_key: bool = False  # the caller's own key makes provider "openai" callable
    session_model_id: str | None = None  # used last by the session, whose prompt cache is warm
    cached_prefix_byte_count: int = 0  # shared with the session's last request
    routing_threshold: float | None = None  # ROUTING_THRESHOLD: least success at which a local model is taken
    spent_nanousd: int = 0  # on the judgement of the prompt; counts against max cost


@dataclass(frozen=True, slots=True)
class ProviderCondition:
    """Whether a provider can be called now."""

    callable: bool
    reason: str | None = None  # names the setting that would change it
    listed_upstreams: frozenset[str] = frozenset()  # empty: not listed, so nothing is ruled out
    check_time_s: float | None = None  # Unix time at which it was last seen to answer, or not to


@dataclass(frozen=True, slots=True)
class ModelCondition:
    """How a model has been doing lately. None: not seen."""

    circuit_open: bool = False
    availability: float | None = None
    time_to_first_token_s: float | None = None
    output_tokens_per_s: float | None = None
    input_token_ratio: float | None = None  # observed tokens / estimated tokens
    is_half_open: bool = False  # the circuit lets one probe at a time pass
    in_flight_count: int = 0
    queued_count: int = 0


@dataclass(frozen=True, slots=True)
class Conditions:
    """The state of the world at the moment of deciding. A provider that is absent counts as callable."""

    providers: Mapping[str, ProviderCondition] = field(default_factory=dict)
    models: Mapping[str, ModelCondition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UtilityTerms:
    """The sum behind a score, in USD; value + cost + latency = score."""

    value_usd: float
    cost_usd: float  # 0 or less
    latency_usd: float  # 0 or less


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """A model that may answer, with every number that placed it."""

    rank: int
    model: Model
    score_usd: float
    terms: UtilityTerms
    success_probability: float
    predicted_success: float  # the same by ability alone, without what outcomes have taught
    expected_cost_nanousd: int | None  # None: the model's price is unknown
    worst_case_cost_nanousd: int | None
    expected_latency_s: float
    expected_output_token_count: int
    availability: float
    sources: Mapping[str, str]  # where each input comes from: "success" -> "ability", "ability+outcomes", …
    reasons: tuple[str, ...]


class ExclusionReason(StrEnum):
    """Why a model may not answer."""

    NOT_REQUESTED = "not_requested"  # the request, its agent or its prior decision names others
    STATUS = "status"
    POLICY = "policy"
    CONSTRAINTS = "constraints"  # models, exclude_models, providers, exclude_providers
    CAPABILITY = "capability"
    LOCAL_ONLY = "local_only"
    DATA_CLASS = "data_class"
    FACTS_MISSING = "facts_missing"
    OUTPUT_LIMIT = "output_limit"
    CONTEXT_WINDOW = "context_window"
    MAX_COST = "max_cost"
    MAX_LATENCY = "max_latency"
    MIN_SUCCESS = "min_success_probability"
    ROUTING_THRESHOLD = "routing_threshold"
    CREDENTIALS = "credentials"
    NOT_LISTED = "not_listed"  # its provider answers, but does not have it
    MAX_FALLBACK_COST = "max_fallback_cost"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A model that may not answer, and why."""

    model_id: str
    reason: ExclusionReason
    message: str


class FlipKind(StrEnum):
    """What would have to change for another model to win."""

    SUCCESS = "success"
    PRICE = "price"
    DIFFICULTY = "difficulty"
    POLICY = "policy"
    PRECEDENCE = "precedence"  # the rule, pin or experiment that chose


@dataclass(frozen=True, slots=True)
class Flip:
    """One change that would make another model win; true when ranked again."""

    kind: FlipKind
    winner_id: str  # who would win
    text: str
    changed_id: str | None = None  # SUCCESS, PRICE: the model whose figure changes
    at: float | None = None  # SUCCESS: probability; PRICE: USD for this request; DIFFICULTY: complexity score
    policy_id: str | None = None  # POLICY: the policy


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """The ordered candidates, and everything that explains them."""

    cause: Cause
    ranking: tuple[RankedCandidate, ...]  # at least one
    excluded: tuple[Exclusion, ...]
    summary: str
    flips: tuple[Flip, ...]  # `text` is for people
    policy_label: str
    input_token_count: int
    output_token_count: int
    catalog_version: CatalogVersion
    degraded: tuple[str, ...] = ()
    experiment_id: str | None = None
    experiment_note: str | None = None  # why a matching experiment did not enrol
    output_token_limit: int | None = None  # to be sent upstream so that max cost holds; None: the request's own is enough
