"""`GET /v1/providers`: who can be called now, and how they are doing."""

from collections.abc import Sequence

from pointsman.gateway.core.catalog import Catalog, Model
from pointsman.gateway.engine.world import World
from pointsman.gateway.rest.figures import DIGITS, known_moment
from pointsman.gateway.rest.reports.model_metrics import breaker_of, condition_of, missing_conditions
from pointsman.gateway.rest.reports.report_shapes import Breaker, ProviderListShape, ProviderModelShape, ProviderShape

WORST_FIRST: tuple[Breaker, ...] = ("open", "half_open", "closed")


def provider_list(world: World) -> ProviderListShape:
    """Every provider of the catalogue, those without a model too. Raises Unavailable where there is no catalogue yet."""
    models = _models_by_provider(world.require_catalog())
    without_model: dict[str, list[Model]] = {each: [] for each in world.conditions.providers if each not in models}
    rows = [_provider(provider_id, of_it, world) for provider_id, of_it in (models | without_model).items()]
    return {"providers": rows, "degraded": missing_conditions(world)}


def _models_by_provider(catalog: Catalog) -> dict[str, list[Model]]:
    found: dict[str, list[Model]] = {}
    for model in catalog.models.values():
        found.setdefault(model.provider.id, []).append(model)
    return found


def _provider(provider_id: str, models: Sequence[Model], world: World) -> ProviderShape:
    condition = world.conditions.providers.get(provider_id)
    rows = [_model(model, world) for model in models]
    is_known = world.conditions_known.is_set()
    return {
        "id": provider_id,
        "location": models[0].provider.location.value if models else None,
        "callable": None if condition is None else condition.callable,
        "not_callable_reason": None if condition is None else condition.reason,
        "breaker": next((state for state in WORST_FIRST if any(row["breaker"] == state for row in rows)), None),
        "in_flight": sum(row["in_flight"] or 0 for row in rows) if is_known else None,
        "queue_depth": sum(row["queue_depth"] or 0 for row in rows) if is_known else None,
        "limits": None,  # the executor does not tell these three yet
        "cooling_until": None,
        "last_error_code": None,
        "last_check": known_moment(None if condition is None else condition.check_time_s),
        "models": rows,
    }


def _model(model: Model, world: World) -> ProviderModelShape:
    condition = condition_of(model.id, world)
    return {
        "id": model.id,
        "breaker": breaker_of(condition),
        "in_flight": None if condition is None else condition.in_flight_count,
        "queue_depth": None if condition is None else condition.queued_count,
        "availability": None if condition is None or condition.availability is None else round(condition.availability, DIGITS),
    }
