"""`GET /metrics/models` and `GET /metrics/{model_id}`: what the ledger has booked of each model, beside how it is now."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request

from pointsman.gateway.core.catalog import Catalog, Model
from pointsman.gateway.core.routing import ModelCondition
from pointsman.gateway.engine.world import World
from pointsman.gateway.report_ports import ServiceName, UsageDimension, UsageQuery, UsageRow
from pointsman.gateway.rest.figures import DIGITS, known_moment, moment_of, usd
from pointsman.gateway.rest.reports.model_list import reason_not_callable
from pointsman.gateway.rest.reports.parameters import Parameters
from pointsman.gateway.rest.reports.report_shapes import (
    Breaker,
    ModelMetricsListShape,
    ModelMetricsShape,
    OneModelMetricsShape,
    ReportFrame,
    TokensShape,
)
from pointsman.gateway.rest.reports.sources import FIGURES_TIMEOUT_S, NO_PERCENTILES, NO_ROW, Reports, percentiles_of, tokens_of
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import NotFound, ServiceError

DEFAULT_RANGE = "24h"
BREAKER_OPEN = "its circuit is open: it has been failing"
UNSEEN = ModelCondition()

# By id and provider: what another provider once answered under that name is not this model's.
Figures = Mapping[tuple[str, str], UsageRow]


async def all_model_metrics(reports: Reports, request: Request) -> ModelMetricsListShape:
    """Every model of the catalogue, those without traffic too."""
    catalog = reports.world.require_catalog()
    frame, figures = await _read(reports, request, None)
    models = [_metrics(model, reports.world, figures) for model in catalog.models.values()]
    return {**frame, "models": models}


async def one_model_metrics(reports: Reports, request: Request, model_id: str) -> OneModelMetricsShape:
    """One of them. Raises NotFound "model_not_found"."""
    model = _model_of(reports.world.require_catalog(), model_id)
    frame, figures = await _read(reports, request, model_id)
    return {**_metrics(model, reports.world, figures), **frame}


def _model_of(catalog: Catalog, model_id: str) -> Model:
    model = catalog.models.get(model_id)
    if model is None:
        raise NotFound("model_not_found", "no model has this name", param="model")
    return model


async def _read(reports: Reports, request: Request, model_id: str | None) -> tuple[ReportFrame, Figures | None]:
    """The ledger's figures; None where it is away."""
    time_range = Parameters(request, "time_range").time_range(default=DEFAULT_RANGE)
    end_s = reports.time_s()
    query = UsageQuery(end_s - time_range.length_s, end_s, (UsageDimension.MODEL,), model_id=model_id)
    frame: ReportFrame = {
        "time_range": time_range.name,
        "from": moment_of(query.start_time_s),
        "to": moment_of(end_s),
        "degraded": missing_conditions(reports.world),
    }
    try:
        rows = await reports.usage.sum_usage(query, deadline=Deadline.after(FIGURES_TIMEOUT_S))
    except ServiceError:
        return {**frame, "degraded": [ServiceName.LEDGER.value, *frame["degraded"]]}, None
    return frame, _by_model(rows)


def _by_model(rows: Sequence[UsageRow]) -> Figures:
    return {(row.model_id or "", row.provider_id or ""): row for row in rows}


def _metrics(model: Model, world: World, figures: Figures | None) -> ModelMetricsShape:
    row = None if figures is None else figures.get((model.id, model.provider.id), NO_ROW)
    provider = world.conditions.providers.get(model.provider.id)
    condition = condition_of(model.id, world)
    reason = reason_not_available(model, world)
    return {
        "id": model.id,
        "provider": model.provider.id,
        "requests": None if row is None else row.request_count,
        "attempts": None if row is None else row.attempt_count,
        "success_rate": None if row is None else success_rate(row),
        "latency_ms": NO_PERCENTILES if row is None else percentiles_of(row.latency),
        "time_to_first_token_ms": NO_PERCENTILES if row is None else percentiles_of(row.time_to_first_token),
        "tokens": TokensShape(input=None, output=None) if row is None else tokens_of(row),
        "cost_usd": None if row is None else usd(row.operator_cost_nanousd),
        "caller_cost_usd": None if row is None else usd(row.caller_cost_nanousd),
        "breaker": breaker_of(condition),
        "queue_depth": None if condition is None else condition.queued_count,
        "in_flight": None if condition is None else condition.in_flight_count,
        "availability": None if condition is None or condition.availability is None else round(condition.availability, DIGITS),
        "available": None if condition is None else reason is None,
        "not_available_reason": reason,
        "last_check": known_moment(None if provider is None else provider.check_time_s),
    }


def success_rate(row: UsageRow) -> float | None:
    """Whole answers among the attempts that the provider ended: a caller who left says nothing of it. None: there were none."""
    ended = row.succeeded_attempt_count + row.failed_attempt_count
    return round(row.succeeded_attempt_count / ended, DIGITS) if ended else None


def missing_conditions(world: World) -> list[str]:
    """The executor, where what it said last of models and providers may no longer be so."""
    return [ServiceName.EXECUTOR.value] if world.are_conditions_stale else []


def condition_of(model_id: str, world: World) -> ModelCondition | None:
    """How the model has been doing; None where the executor has not been heard yet."""
    return world.conditions.models.get(model_id, UNSEEN) if world.conditions_known.is_set() else None


def breaker_of(condition: ModelCondition | None) -> Breaker | None:
    """State of its circuit; closed where it has not been called."""
    if condition is None:
        return None
    if condition.circuit_open:
        return "open"
    return "half_open" if condition.is_half_open else "closed"


def reason_not_available(model: Model, world: World) -> str | None:
    """Why the model would not be called now; None where it would, or where that is not known."""
    reason = reason_not_callable(model, world.conditions)
    condition = world.conditions.models.get(model.id, UNSEEN)
    return BREAKER_OPEN if reason is None and condition.circuit_open else reason
