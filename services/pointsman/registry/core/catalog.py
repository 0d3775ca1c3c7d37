"""The configuration's values, as a catalogue file and the API's changes give them. None means unknown or not set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.rules.keyword_rules import KeywordRule


class ProviderKind(StrEnum):
    """Which wire format a provider speaks."""

    OPENAI = "openai"
    AZURE_OPENAI = "azure_openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    SCRIPTED = "scripted"


class Location(StrEnum):
    """Where a prompt is processed."""

    LOCAL = "local"
    CLOUD = "cloud"


class DataClass(StrEnum):
    """Sensitivity of data, in rising order."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"


class ModelStatus(StrEnum):
    """Whether a model takes requests."""

    ACTIVE = "active"
    DRAINING = "draining"
    DISABLED = "disabled"
    DEPRECATED = "deprecated"


class Capability(StrEnum):
    """What a model can do."""

    CHAT = "chat"
    TOOLS = "tools"
    JSON_SCHEMA = "json_schema"
    VISION = "vision"
    STREAMING = "streaming"
    EMBEDDINGS = "embeddings"
    REASONING = "reasoning"
    CODE = "code"
    PDF = "pdf"


class SessionPin(StrEnum):
    """When a conversation keeps its model."""

    OFF = "off"
    TOOL_LOOP = "tool_loop"
    SESSION = "session"


class ExperimentStatus(StrEnum):
    """Whether an experiment enrols requests."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


class ExperimentUnit(StrEnum):
    """What one assignment covers."""

    REQUEST = "request"
    SESSION = "session"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timers of one call, by phase; None takes the executor's default."""

    connect_s: float | None = None
    first_token_s: float | None = None
    idle_s: float | None = None
    total_s: float | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """An address that answers completions. `base_url` and `api_key` may be references, never a secret."""

    id: str
    kind: ProviderKind
    location: Location
    base_url: str | None = None
    api_key: str | None = None
    allow_private_address: bool = False
    api_version: str | None = None
    timeouts: Timeouts = Timeouts()
    max_in_flight: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tls_ca_file: str | None = None
    region: str | None = None
    data_classes: tuple[DataClass, ...] = ()  # empty: all


@dataclass(frozen=True, slots=True)
class PriceTier:
    """Prices of requests with more input tokens than `above_input_token_count`."""

    above_input_token_count: int
    input_microusd_per_mtok: int
    output_microusd_per_mtok: int
    cached_input_microusd_per_mtok: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """Prices in micro-dollars per million tokens, which are pico-dollars per token."""

    input_microusd_per_mtok: int
    output_microusd_per_mtok: int
    cached_input_microusd_per_mtok: int | None = None
    cache_write_microusd_per_mtok: int | None = None
    image_microusd: int | None = None
    tiers: tuple[PriceTier, ...] = ()


@dataclass(frozen=True, slots=True)
class Ability:
    """Theta in logits by category, "overall" for the rest."""

    skills: Mapping[str, float]
    source: str
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """Something that answers prompts."""

    id: str
    provider_id: str
    upstream: str
    display_name: str
    status: ModelStatus = ModelStatus.ACTIVE
    capabilities: tuple[Capability, ...] = ()
    context_window_token_count: int | None = None
    max_output_token_count: int | None = None
    price: Price | None = None
    ability: Ability | None = None
    quality_score: float | None = None
    typical_latency_s: float | None = None
    timeouts: Timeouts = Timeouts()
    deprecation_date: str | None = None
    data_classes: tuple[DataClass, ...] = ()  # empty: the provider's
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What an answer is worth, and which models may give it."""

    id: str
    value_usd_per_mtok: float
    good_enough: float
    is_default: bool = False
    value_usd: float = 0.0
    latency_value_usd_per_s: float | None = None
    strategy: str | None = None
    models: tuple[str, ...] = ()
    exclude_models: tuple[str, ...] = ()
    local_only: bool = False
    data_class: DataClass | None = None
    max_cost_nanousd: int | None = None
    min_success_probability: float | None = None
    default_max_output_token_count: int | None = None
    pin_session: SessionPin | None = None
    when_unsure: str | None = None  # the policy to go by where the classifier is unsure of a prompt


@dataclass(frozen=True, slots=True)
class Condition:
    """Narrows a rule or an experiment; None holds for everything."""

    category: str | None = None
    difficulty: str | None = None
    policy_id: str | None = None


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """Preferred models for a task."""

    task: str
    preferred_model_ids: tuple[str, ...]
    fallback_model_ids: tuple[str, ...] = ()
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """A named profile that clients call as model `agent:<name>`."""

    name: str
    description: str
    examples: tuple[str, ...] = ()
    system_prompt: str | None = None
    tools: tuple[str, ...] = ()
    policy_id: str | None = None
    model_id: str | None = None
    fallback: bool = False
    handover: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentArm:
    """One of the things compared."""

    model_id: str
    weight: float
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """A comparison of models on live traffic."""

    id: str
    status: ExperimentStatus
    unit: ExperimentUnit
    arms: tuple[ExperimentArm, ...]
    metric: str
    when: Condition | None = None
    start_date: str | None = None
    max_days: int | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that ranking and execution need to know."""

    providers: Mapping[str, Provider]
    models: Mapping[str, Model]  # in file order, then the API's
    policies: Mapping[str, Policy]
    routing_rules: tuple[RoutingRule, ...] = ()
    agents: tuple[Agent, ...] = ()
    experiments: tuple[Experiment, ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """A category that needs no training."""

    name: str
    description: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """What the classifier, and the gateway's fallback, go by."""

    keyword_rules: tuple[KeywordRule, ...]
    added_categories: tuple[Category, ...] = ()
