"""Shapes of the gateway's reports. Every field is always present; null: not known."""

from typing import Literal

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

Breaker = Literal["closed", "open", "half_open"]


class PercentilesShape(TypedDict):
    """Half, 95 % and 99 % are at most so long, milliseconds."""

    p50: float | None
    p95: float | None
    p99: float | None


class TokensShape(TypedDict):
    """Tokens, as providers count them or, where they do not, as estimated."""

    input: int | None
    output: int | None


class LinksShape(TypedDict):
    """Where to go on."""

    docs: str
    openapi: str
    health: str
    models: str
    metrics: str
    dashboard: str | None


class RootShape(TypedDict):
    """Answer to `GET /`."""

    name: str
    version: str
    links: LinksShape


class ModelMetricsShape(TypedDict):
    """How a model has been doing in a stretch of time, and how it is now."""

    id: str
    provider: str
    requests: int | None
    attempts: int | None
    success_rate: float | None
    latency_ms: PercentilesShape
    time_to_first_token_ms: PercentilesShape
    tokens: TokensShape
    cost_usd: float | None
    caller_cost_usd: float | None
    breaker: Breaker | None
    queue_depth: int | None
    in_flight: int | None
    availability: float | None
    available: bool | None
    not_available_reason: str | None
    last_check: str | None


ReportFrame = TypedDict("ReportFrame", {"time_range": str, "from": str, "to": str, "degraded": list[str]})
ReportFrame.__doc__ = "Which stretch of time a report is about, and what was missing for it."


class ModelMetricsListShape(ReportFrame):
    """Answer to `GET /metrics/models`."""

    models: list[ModelMetricsShape]


class OneModelMetricsShape(ModelMetricsShape, ReportFrame):
    """Answer to `GET /metrics/{model_id}`."""


class PointShape(TypedDict):
    """Sums over one stretch of a series."""

    time: str
    requests: int
    errors: int
    cost_usd: float
    latency_ms: PercentilesShape
    time_to_first_token_ms: PercentilesShape
    tokens: TokensShape


class SeriesShape(TypedDict):
    """One group over time. `key` is null for what has none, such as a prompt that was not classified."""

    key: str | None
    provider: str | None
    points: list[PointShape]


class TotalsShape(TypedDict):
    """Sums over all of it."""

    requests: int
    errors: int
    cost_usd: float
    latency_ms: PercentilesShape
    time_to_first_token_ms: PercentilesShape
    tokens: TokensShape


class MetricsShape(ReportFrame):
    """Answer to `GET /v1/metrics`."""

    group_by: str | None
    bucket_s: int
    series: list[SeriesShape]
    totals: TotalsShape


class UsageRowShape(TypedDict):
    """What one group used. `cost_usd` is what the operator pays, `caller_cost_usd` what callers pay with keys of their own."""

    key: dict[str, str | None]
    requests: int
    attempts: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    caller_cost_usd: float
    unpriced_attempts: int
    billed_to: Literal["operator", "caller", "both"]


UsageShape = TypedDict(
    "UsageShape",
    {"from": str, "to": str, "group_by": list[str], "rows": list[UsageRowShape], "total_cost_usd": float, "total_caller_cost_usd": float},
)
UsageShape.__doc__ = "Answer to `GET /v1/usage`."


class DecisionSummaryShape(TypedDict):
    """A decision in short; the whole of it is at `GET /v1/decisions/{id}`."""

    decision_id: str
    request_id: str
    created_at: str
    project: str
    key: str | None
    category: str
    difficulty: str | None
    confidence: float | None
    policy: str
    cause: str
    model: str
    degraded: list[str]
    catalog_version: int


class DecisionListShape(TypedDict):
    """Answer to `GET /v1/decisions`, newest first."""

    decisions: list[DecisionSummaryShape]
    next_cursor: str | None


class ProviderModelShape(TypedDict):
    """How a model is doing at its provider."""

    id: str
    breaker: Breaker | None
    in_flight: int | None
    queue_depth: int | None
    availability: float | None


class ProviderShape(TypedDict):
    """How a provider is. `breaker` is the worst of its models'."""

    id: str
    location: str | None
    callable: bool | None
    not_callable_reason: str | None
    breaker: Breaker | None
    in_flight: int | None
    queue_depth: int | None
    limits: dict[str, int] | None
    cooling_until: str | None
    last_error_code: str | None
    last_check: str | None
    models: list[ProviderModelShape]


class ProviderListShape(TypedDict):
    """Answer to `GET /v1/providers`. degraded: "executor" where it is silent, and this is what it said last."""

    providers: list[ProviderShape]
    degraded: list[str]
