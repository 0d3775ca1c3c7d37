"""A model as the REST facade shows it: every fact by the catalogue file's name, null where it is unknown. Never a secret."""

from typing import Any

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Catalog, Model
from pointsman.registry.core.plain_entries import plain_of_model
from pointsman.registry.rest.shapes import ModelFactsShape, PriceShape

FACTS = tuple(ModelFactsShape.__annotations__)
PRICES = tuple(PriceShape.__annotations__)
ABILITY = ("skills", "source", "as_of")


def model_facts(model: Model, catalog: Catalog, api: ApiEntries) -> dict[str, Any]:
    """The model's facts. api: the entries that belong to the API; all others are the files'."""
    known: dict[str, Any] = dict(plain_of_model(model))
    known |= {
        "origin": "api" if api.models.get(model.id) is not None else "file",
        "location": catalog.providers[model.provider_id].location.value,
        "tags": list(model.tags),
    }
    if "price_usd_per_mtok" in known:
        known["price_usd_per_mtok"] = with_unknown(PRICES, {"above": [], **known["price_usd_per_mtok"]})
    if "ability" in known:
        known["ability"] = with_unknown(ABILITY, known["ability"])
    return with_unknown(FACTS, known)


def with_unknown(names: tuple[str, ...], known: dict[str, Any]) -> dict[str, Any]:
    """All names in their order, null for those that are not known."""
    return {name: known.get(name) for name in names}
