"""`GET /v1/models`: every model of the catalogue, and the names that are ranked."""

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from pointsman.gateway.core.catalog import Catalog, Model, ModelStatus
from pointsman.gateway.core.eligibility import exclude_by_provider
from pointsman.gateway.core.policies import AGENT_PREFIX, AUTO, AUTO_ALIAS, AUTO_PREFIX
from pointsman.gateway.core.routing import Conditions
from pointsman.kit.errors import NotFound

OWNER = "pointsman"
CALLABLE_STATUSES = frozenset({ModelStatus.ACTIVE, ModelStatus.DEPRECATED})
MICROUSD_PER_USD = 1_000_000


class ModelShape(TypedDict):
    """A model as OpenAI's clients know it."""

    id: str
    object: str
    created: int
    owned_by: str


class CostShape(TypedDict):
    """USD per million tokens."""

    input: float
    output: float


class CatalogModelShape(TypedDict):
    """A model with what the catalogue knows of it. Null: unknown."""

    name: str
    provider: str
    display_name: str
    location: str
    capabilities: list[str]
    cost: CostShape | None
    status: str
    quality_score: float | None
    context_window: int | None
    max_output_tokens: int | None
    callable: bool
    not_callable_reason: str | None


class ModelListShape(TypedDict):
    """Answer to `GET /v1/models`."""

    object: str
    data: list[ModelShape]
    models: list[CatalogModelShape]


def model_list(catalog: Catalog, *, created_s: float, conditions: Conditions) -> ModelListShape:
    """All names that `model` takes, and the catalogue's models with their facts."""
    entries = [_entry(model.id, model.provider.id, created_s) for model in catalog.models.values()]
    virtual = [_entry(name, OWNER, created_s) for name in virtual_names(catalog)]
    return {
        "object": "list",
        "data": [*virtual, *entries],
        "models": [_facts(model, reason_not_callable(model, conditions)) for model in catalog.models.values()],
    }


def one_model(catalog: Catalog, model_id: str, *, created_s: float) -> ModelShape:
    """One of those names. Raises NotFound "model_not_found"."""
    model = catalog.models.get(model_id)
    if model is not None:
        return _entry(model.id, model.provider.id, created_s)
    if model_id in virtual_names(catalog):
        return _entry(model_id, OWNER, created_s)
    raise NotFound("model_not_found", "no model has this name", param="model")


def virtual_names(catalog: Catalog) -> list[str]:
    """The names that stand for a ranking."""
    policies = [f"{AUTO_PREFIX}{policy_id}" for policy_id in catalog.policies]
    return [AUTO, AUTO_ALIAS, *policies, *(f"{AGENT_PREFIX}{name}" for name in catalog.agents)]


def _entry(name: str, owner: str, created_s: float) -> ModelShape:
    return {"id": name, "object": "model", "created": int(created_s), "owned_by": owner}


def reason_not_callable(model: Model, conditions: Conditions) -> str | None:
    """Why the model cannot be called, even by name; None where it can."""
    if model.status not in CALLABLE_STATUSES:
        return f"the model is {model.status.value}"
    obstacle = exclude_by_provider(model, conditions)
    return None if obstacle is None else obstacle.message


def _facts(model: Model, reason: str | None) -> CatalogModelShape:
    cost: CostShape | None = None
    if model.price is not None:
        price = model.price
        cost = {"input": price.input_microusd_per_mtok / MICROUSD_PER_USD, "output": price.output_microusd_per_mtok / MICROUSD_PER_USD}
    return {
        "name": model.id,
        "provider": model.provider.id,
        "display_name": model.display_name,
        "location": model.provider.location.value,
        "capabilities": sorted(capability.value for capability in model.capabilities),
        "cost": cost,
        "status": model.status.value,
        "quality_score": model.quality_score,
        "context_window": model.context_window_token_count,
        "max_output_tokens": model.max_output_token_count,
        "callable": reason is None,
        "not_callable_reason": reason,
    }
