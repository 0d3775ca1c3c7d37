"""The effective catalogue as models.json, and back again."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.registry.adapters.json_document import parse_json
from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.catalog import (
    Ability,
    Capability,
    Catalog,
    DataClass,
    Location,
    Model,
    ModelStatus,
    Price,
    PriceTier,
    Provider,
    ProviderKind,
    Timeouts,
)
from pointsman.registry.core.loading import load_configuration
from pointsman.registry.core.older.model_list_text import models_json_text
from pointsman.registry.core.ports import ParseDocument, SourceTexts, TextFile
from pointsman.registry.core.routing_entries import BUILT_IN_POLICIES
from pointsman.registry.core.values import is_storable
from tests.unit.registry.catalog_texts import DEFAULT_RULES, NO_ENTRIES

PROVIDERS = {
    "mine": Provider(
        "mine",
        ProviderKind.OPENAI,
        Location.LOCAL,
        base_url="http://10.0.0.5:8000/v1",
        api_key="file:/run/secrets/key",
        allow_private_address=True,
        timeouts=Timeouts(total_s=30.0),
        max_in_flight=2,
        headers={"x-team": "a"},
        data_classes=(DataClass.PUBLIC,),
    ),
    "cloud": Provider("cloud", ProviderKind.AZURE_OPENAI, Location.CLOUD, base_url="env:ADDRESS", api_key="env:KEY", api_version="1"),
    "demo": Provider("demo", ProviderKind.SCRIPTED, Location.LOCAL),
}

names = st.text(min_size=1, max_size=20).filter(lambda text: text == text.strip() and is_storable(text, allow_lines=False))
counts = st.integers(1, 10**9)
microusd = st.integers(0, 10**12)
days = st.dates().map(lambda day: day.isoformat())
logits = st.floats(-10, 10)
seconds = st.integers(1, 3_600_000).map(lambda milliseconds: milliseconds / 1e3)
maybe = st.one_of


def distinct(values: type[Capability] | type[DataClass]) -> st.SearchStrategy[tuple[Capability | DataClass, ...]]:
    return st.lists(st.sampled_from(values), unique=True).map(tuple)


tiers = st.lists(st.builds(PriceTier, counts, microusd, microusd, maybe(st.none(), microusd)), max_size=3).map(
    lambda found: tuple(
        sorted({tier.above_input_token_count: tier for tier in found}.values(), key=lambda tier: tier.above_input_token_count)
    )
)
prices = st.builds(Price, microusd, microusd, maybe(st.none(), microusd), maybe(st.none(), microusd), maybe(st.none(), microusd), tiers)
abilities = st.builds(
    Ability, st.dictionaries(st.sampled_from(["overall", "coding", "math"]), logits, min_size=1), names, maybe(st.none(), days)
)
timers = maybe(st.none(), seconds)
models = st.builds(
    Model,
    id=names.filter(lambda name: not name.lower().startswith(("auto", "agent:", "pointsman/", "models"))),
    provider_id=st.sampled_from(sorted(PROVIDERS)),
    upstream=names,
    display_name=names,
    status=st.sampled_from(ModelStatus),
    capabilities=distinct(Capability),
    context_window_token_count=maybe(st.none(), counts),
    max_output_token_count=maybe(st.none(), counts),
    price=maybe(st.none(), prices),
    ability=maybe(st.none(), abilities),
    quality_score=maybe(st.none(), st.floats(0, 1)),
    typical_latency_s=maybe(st.none(), seconds),
    timeouts=st.builds(Timeouts, timers, timers, timers, timers),
    deprecation_date=maybe(st.none(), days),
    data_classes=distinct(DataClass),
    tags=st.lists(names, max_size=3).map(tuple),
)


def catalog_of(listed: list[Model]) -> Catalog:
    return Catalog(PROVIDERS, {model.id: model for model in listed}, {policy.id: policy for policy in BUILT_IN_POLICIES})


def read_again(text: str, parse: ParseDocument) -> Catalog:
    loaded = load_configuration(SourceTexts(TextFile("models.json", text)), NO_ENTRIES, parse=parse, default_rules=DEFAULT_RULES)
    assert loaded.warnings == ()
    return loaded.configuration.catalog


@settings(deadline=None)
@given(st.lists(models, max_size=4))
def test_what_is_written_is_read_again_without_loss(listed: list[Model]) -> None:
    catalog = catalog_of(listed)
    text = models_json_text(catalog)
    assert read_again(text, parse_json) == catalog
    assert read_again(text, parse_yaml) == catalog


@pytest.mark.parametrize("status", ModelStatus)
def test_each_status_has_a_word_that_other_programs_know_or_ours(status: ModelStatus) -> None:
    text = models_json_text(catalog_of([Model("m", "demo", "m", "M", status=status)]))
    word = json.loads(text)["models"][0]["status"]
    assert word == ("inactive" if status is ModelStatus.DISABLED else status.value)


def test_what_is_unknown_is_left_out_and_free_is_not_unknown() -> None:
    free = Model("free", "demo", "free", "Free", price=Price(0, 0))
    text = models_json_text(catalog_of([free, replace(free, id="unknown", price=None)]))
    first, second = json.loads(text)["models"]
    assert first["price_usd_per_mtok"] == {"input": 0, "output": 0}
    assert second == {"id": "unknown", "provider": "demo", "display_name": "Free", "status": "active", "upstream": "free"}


def test_prices_are_written_as_people_write_them() -> None:
    text = models_json_text(catalog_of([Model("m", "demo", "m", "M", price=Price(100_000, 400_000, 25_000))]))
    assert json.loads(text)["models"][0]["price_usd_per_mtok"] == {"input": 0.1, "cached_input": 0.025, "output": 0.4}


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\ufeff", "\ufffe", "\U0001f680", "\U0001ffff", "\u0300", '"', "\\", "/"])
@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
def test_letters_that_a_reader_might_trip_over_are_read_again(parse: ParseDocument, letter: str) -> None:
    catalog = catalog_of([Model("m", "demo", "m", f"a{letter}b")])
    assert read_again(models_json_text(catalog), parse) == catalog
