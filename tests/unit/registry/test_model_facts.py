from dataclasses import fields

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Model, Price
from pointsman.registry.rest.model_facts import FACTS, PRICES, model_facts
from tests.unit.registry.catalog_texts import HEAD, NO_ENTRIES, load, model_text

WHOLE = (
    "upstream: o-1, display_name: Other, status: deprecated, capabilities: [chat], context_window_tokens: 10, max_output_tokens: 5, "
    "price_usd_per_mtok: {input: 0.1, output: 0.4, above: [{input_tokens: 7, input: 1, output: 2}]}, "
    "ability: {skills: {overall: 0.5}, source: s}, quality_score: 0.5, typical_latency_ms: 300, timeouts_s: {total: 5}, "
    'deprecation_date: "2027-01-01", data_classes: [public], tags: [x]'
)


def facts_of(text: str, model_id: str, api: ApiEntries = NO_ENTRIES) -> dict[str, object]:
    catalog = load(text, api=api).configuration.catalog
    return model_facts(catalog.models[model_id], catalog, api)


def test_what_is_unknown_is_null_and_nothing_is_left_out() -> None:
    facts = facts_of(HEAD, "small")
    assert tuple(facts) == FACTS
    assert {name for name, value in facts.items() if value is None} == set(FACTS) - {
        "id",
        "provider",
        "display_name",
        "status",
        "origin",
        "location",
        "upstream",
        "tags",
    }


def test_every_known_fact_is_told() -> None:
    facts = facts_of(model_text(WHOLE), "other")
    assert [name for name, value in facts.items() if value is None] == []
    assert facts["price_usd_per_mtok"] == {
        "input": 0.1,
        "cached_input": None,
        "cache_write": None,
        "output": 0.4,
        "per_image_usd": None,
        "above": [{"input_tokens": 7, "input": 1, "output": 2}],
    }
    assert facts["ability"] == {"skills": {"overall": 0.5}, "source": "s", "as_of": None}


def test_a_field_that_is_added_to_models_or_prices_is_shown_here_too() -> None:
    assert len(fields(Model)) == len(FACTS) - 2  # without origin and location
    assert len(fields(Price)) == len(PRICES)


def test_whose_a_model_is() -> None:
    api = ApiEntries(models={"new": {"id": "new", "provider": "demo"}})
    assert (facts_of(HEAD, "new", api)["origin"], facts_of(HEAD, "small", api)["origin"]) == ("api", "file")
    assert (facts_of(HEAD, "new", api)["location"], facts_of(HEAD, "small", api)["location"]) == ("local", "cloud")
