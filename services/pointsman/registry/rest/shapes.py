"""Bodies and answers of the REST facade, as its description shows them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from pointsman.registry.engine.configuration_keeper import MAX_CHANGE_COUNT


class StatusShape(TypedDict):
    """How the registry is. catalog_error: why the last reload was refused."""

    status: str
    total_models: int
    active_models: int
    last_sync: str
    data_sources: list[str]
    catalog_version: int
    catalog_error: str | None
    degraded: list[str]


class PriceShape(TypedDict):
    """US dollars per million tokens; per_image_usd: per image. above: other prices for longer prompts."""

    input: float
    cached_input: float | None
    cache_write: float | None
    output: float
    per_image_usd: float | None
    above: list[dict[str, float]]


class ModelFactsShape(TypedDict):
    """A model and all that is known of it; null: unknown. origin: file or api. data_classes: null is the provider's."""

    id: str
    provider: str
    display_name: str
    status: str
    origin: str
    location: str
    upstream: str
    capabilities: list[str] | None
    context_window_tokens: int | None
    max_output_tokens: int | None
    price_usd_per_mtok: PriceShape | None
    ability: dict[str, Any] | None
    quality_score: float | None
    typical_latency_ms: float | None
    timeouts_s: dict[str, float] | None
    deprecation_date: str | None
    data_classes: list[str] | None
    tags: list[str]


class ModelFactsListShape(TypedDict):
    """All models, in the catalogue's order."""

    models: list[ModelFactsShape]
    total: int
    catalog_version: int


class UpdateShape(TypedDict):
    """What an update did. accepted: models taken; version: the catalogue's number that now holds them."""

    accepted: int
    version: int
    diff: list[str]


class UpdateBody(BaseModel):
    """Models to add, or to replace whole. Each has an id and a provider, and any field that the catalogue's file gives a model."""

    model_config = ConfigDict(extra="forbid")

    models: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_CHANGE_COUNT)
    adopt: bool = False
