"""The catalogue that comes with the product: its facts hang together and say where they come from."""

import re
from pathlib import Path

import pytest

from pointsman.registry.adapters.catalog_files import CatalogFiles
from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.catalog import Capability, Catalog, Model, ModelStatus
from pointsman.registry.core.loading import load_configuration
from pointsman.registry.core.shipped import PROVIDER_ALIASES, PROVIDER_IDS
from pointsman.registry.servicer import snapshot_messages
from pointsman.registry.settings import SHIPPED_CATALOG
from tests.unit.registry.catalog_texts import DEFAULT_RULES, NO_ENTRIES

TODAY = "2026-11-21"  # the day on which the facts were read
# Called by name: what they cost there, or how much they take, was not to be found.
NOT_RANKED = {"azure/gpt-6.1-sol", "huggingface/gpt-oss-20b", "huggingface/llama-3.1-8b-instruct"}
SCORE = re.compile(r"whatmodel\.sh score ([0-9.]+)")


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    source = CatalogFiles(SHIPPED_CATALOG, parse=parse_yaml).read()
    loaded = load_configuration(source, NO_ENTRIES, parse=parse_yaml, default_rules=DEFAULT_RULES)
    assert loaded.warnings == ()
    assert loaded.configuration.inactive_sections == ()
    return loaded.configuration.catalog


def is_rankable(model: Model) -> bool:
    facts = (model.price, model.context_window_token_count, model.ability, model.capabilities or None)
    return None not in facts


def test_the_models_that_replaced_systems_name_are_there(shipped: Catalog) -> None:
    assert {"gpt-4.1", "gpt-4.1-nano", "gpt-4o-mini", "gpt-3.5-turbo", "o4-mini", "phi3", "demo"} <= shipped.models.keys()
    assert shipped.policies["balanced"].is_default


def test_every_built_in_provider_has_models_and_a_name(shipped: Catalog) -> None:
    assert set(PROVIDER_IDS) == shipped.providers.keys() == {model.provider_id for model in shipped.models.values()}
    assert set(PROVIDER_ALIASES.values()) <= shipped.providers.keys()


def test_active_models_can_be_ranked_but_for_those_said_to_lack_facts(shipped: Catalog) -> None:
    chat = [model for model in shipped.models.values() if Capability.CHAT in model.capabilities and model.status is ModelStatus.ACTIVE]
    assert {model.id for model in chat if not is_rankable(model)} == NOT_RANKED


def test_a_model_makes_embeddings_or_talks(shipped: Catalog) -> None:
    for model in shipped.models.values():
        if Capability.EMBEDDINGS in model.capabilities:
            assert (model.capabilities, model.ability) == ((Capability.EMBEDDINGS,), None), model.id
            assert model.price is not None, model.id
            assert model.context_window_token_count, model.id
        else:
            assert {Capability.CHAT, Capability.STREAMING} <= set(model.capabilities), model.id


def test_abilities_are_those_of_the_one_benchmark_that_the_file_names(shipped: Catalog) -> None:
    for model in shipped.models.values():
        if model.ability is not None and model.id != "demo":
            score = SCORE.fullmatch(model.ability.source)
            assert score is not None, model.id
            assert model.ability.skills == {"overall": pytest.approx((float(score[1]) - 57.5) / 12, abs=0.005)}, model.id
            assert model.ability.as_of == TODAY, model.id


def test_a_cached_token_costs_less_and_a_long_prompt_more(shipped: Catalog) -> None:
    for model in shipped.models.values():
        if model.price is None:
            continue
        cached = model.price.cached_input_microusd_per_mtok
        assert cached is None or cached < model.price.input_microusd_per_mtok, model.id
        for tier in model.price.tiers:
            assert tier.input_microusd_per_mtok > model.price.input_microusd_per_mtok, model.id


def test_a_model_past_its_last_day_is_not_active(shipped: Catalog) -> None:
    for model in shipped.models.values():
        gone = model.deprecation_date is not None and model.deprecation_date < TODAY
        assert gone == (model.status is ModelStatus.DISABLED), model.id


def test_a_model_of_ollama_is_free_and_named_as_its_listing_names_it(shipped: Catalog) -> None:
    for model in shipped.models.values():
        if model.provider_id == "ollama":
            assert model.price is not None, model.id
            assert (model.price.input_microusd_per_mtok, model.price.output_microusd_per_mtok) == (0, 0), model.id
            assert ":" in model.upstream, model.id


def test_the_demo_is_below_every_other(shipped: Catalog) -> None:
    known = {model.id: model.ability.skills["overall"] for model in shipped.models.values() if model.ability is not None}
    assert min(known, key=lambda model_id: known[model_id]) == "demo"


def test_the_file_stays_one_that_people_read() -> None:
    lines = SHIPPED_CATALOG.read_text().splitlines()
    assert len(lines) <= 400
    assert max(len(line) for line in lines) <= 140


def test_the_file_stands_beside_the_code_that_reads_it() -> None:
    assert Path(snapshot_messages.__file__).parents[1] / "catalog.yaml" == SHIPPED_CATALOG
