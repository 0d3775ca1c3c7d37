"""The catalogue as the gateway sees it: what may answer, at which price, for whom.

Values only. Made from the registry's snapshot by `adapters/catalog_snapshot.py`; the wire
types stop there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Location(StrEnum):
    """Where a prompt is processed."""

    LOCAL = "local"
    CLOUD = "cloud"


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


class DataClass(IntEnum):
    """Sensitivity of data, in rising order."""

    PUBLIC = 1
    INTERNAL = 2
    CONFIDENTIAL = 3


class SessionPin(StrEnum):
    """When a conversation keeps its model."""

    OFF = "off"
    TOOL_LOOP = "tool_loop"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """A point in the catalogue's history; comparable within one epoch."""

    epoch: str
    number: int


@dataclass(frozen=True, slots=True)
class PriceTier:
    """Prices of requests with more input tokens than `above_input_token_count`."""

    above_input_token_count: int
    input_microusd_per_mtok: int
    cached_input_microusd_per_mtok: int
    output_microusd_per_mtok: int


@dataclass(frozen=True, slots=True)
class Price:
    """Prices in micro-dollars per million tokens, which are pico-dollars per token."""

    input_microusd_per_mtok: int
    cached_input_microusd_per_mtok: int
    cache_write_microusd_per_mtok: int
    output_microusd_per_mtok: int
    image_microusd: int | None = None
    tiers: tuple[PriceTier, ...] = ()

    @property
    def is_free(self) -> bool:
        """True where no use of the model costs anything."""
        if self.input_microusd_per_mtok or self.output_microusd_per_mtok or self.image_microusd:
            return False
        if self.cached_input_microusd_per_mtok or self.cache_write_microusd_per_mtok:
            return False
        tiers = self.tiers
        return not any(t.input_microusd_per_mtok or t.cached_input_microusd_per_mtok or t.output_microusd_per_mtok for t in tiers)


@dataclass(frozen=True, slots=True)
class Provider:
    """An address that answers completions."""

    id: str
    location: Location
    data_classes: frozenset[DataClass] = frozenset()  # empty: all


@dataclass(frozen=True, slots=True)
class Model:
    """Something that answers prompts. None means unknown, never zero."""

    id: str
    provider: Provider
    display_name: str
    status: ModelStatus
    upstream: str
    capabilities: frozenset[Capability] = frozenset()
    context_window_token_count: int | None = None
    max_output_token_count: int | None = None
    price: Price | None = None
    skills: Mapping[str, float] = field(default_factory=dict)  # theta in logits by category, "overall" for the rest
    quality_score: float | None = None
    typical_latency_s: float | None = None
    data_classes: frozenset[DataClass] = frozenset()  # empty: the provider's


@dataclass(frozen=True, slots=True)
class Policy:
    """What an answer is worth, and which models may give it."""

    id: str
    value_usd_per_mtok: float
    good_enough: float
    value_usd: float = 0.0
    latency_value_usd_per_s: float | None = None  # None: the answer's worth / 3600
    strategy: str | None = None
    models: tuple[str, ...] = ()
    exclude_models: tuple[str, ...] = ()
    local_only: bool = False
    data_class: DataClass | None = None
    max_cost_nanousd: int | None = None
    min_success_probability: float | None = None
    default_max_output_token_count: int | None = None
    pin_session: SessionPin = SessionPin.TOOL_LOOP
    when_unsure: str | None = None  # id of the policy by which an unsure prompt is ranked


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
    when: Condition = Condition()


@dataclass(frozen=True, slots=True)
class Agent:
    """A named profile that clients call as model `agent:<name>`."""

    name: str
    policy_id: str | None = None
    model_id: str | None = None
    fallback: bool = False
    system_prompt: str | None = None


class ExperimentUnit(StrEnum):
    """What one assignment to an arm covers."""

    REQUEST = "request"
    SESSION = "session"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A running comparison. `arms` are (model id, weight), shadows left out."""

    id: str
    unit: ExperimentUnit
    arms: tuple[tuple[str, float], ...]
    when: Condition = Condition()


@dataclass(frozen=True, slots=True)
class Catalog:
    """One whole version of the catalogue. A request sees one from start to end."""

    version: CatalogVersion
    models: Mapping[str, Model]
    policies: Mapping[str, Policy]
    default_policy_id: str
    routing_rules: tuple[RoutingRule, ...] = ()
    agents: Mapping[str, Agent] = field(default_factory=dict)
    experiments: tuple[Experiment, ...] = ()
