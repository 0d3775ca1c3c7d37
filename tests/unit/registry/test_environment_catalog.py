"""OLLAMA_MODEL and CLOUD_MODEL, as the whole catalogue and beside one."""

import json

import pytest

from pointsman.registry.core.catalog import Catalog, Location, Price
from pointsman.registry.core.older.environment_catalog import ENVIRONMENT_ORIGIN, environment_entries
from pointsman.registry.core.problems import CatalogInvalid
from tests.unit.registry.older_texts import load_older

BOTH = {"OLLAMA_MODEL": "phi3", "CLOUD_MODEL": "big", "CLOUD_INPUT_COST_PER_1M": "0.15", "CLOUD_OUTPUT_COST_PER_1M": "0.60"}
CATALOG = """\
schema_version: 1
providers:
  mine: {kind: openai, base_url: "https://mine.example.com"}
models:
  - {id: big, provider: mine}
"""


def catalog_of(values: dict[str, str]) -> Catalog:
    return load_older(json.dumps(environment_entries(values)), name=ENVIRONMENT_ORIGIN).configuration.catalog


def test_where_nothing_is_set_there_are_no_entries() -> None:
    assert environment_entries({}) is None
    assert environment_entries({"OLLAMA_MODEL": " ", "CLOUD_INPUT_COST_PER_1M": "1", "CLOUD_OUTPUT_COST_PER_1M": "1"}) is None


def test_the_two_models_are_a_catalogue_with_the_built_in_policies() -> None:
    catalog = catalog_of(BOTH)
    assert list(catalog.models) == ["phi3", "big"]
    assert list(catalog.policies) == ["cheap", "balanced", "quality"]
    assert {provider.id: provider.location for provider in catalog.providers.values()} == {
        "ollama": Location.LOCAL,
        "openai": Location.CLOUD,
    }


def test_the_local_model_is_free_and_has_ollamas_window() -> None:
    model = catalog_of({"OLLAMA_MODEL": "some-model"}).models["some-model"]
    assert (model.price, model.context_window_token_count, model.upstream) == (Price(0, 0), 4096, "some-model:latest")
    assert model.ability is None


def test_a_tag_is_kept() -> None:
    assert catalog_of({"OLLAMA_MODEL": "llama3.1:8b"}).models["llama3.1:8b"].upstream == "llama3.1:8b"


def test_what_is_not_set_is_looked_up() -> None:
    catalog = catalog_of({"OLLAMA_MODEL": "phi3", "CLOUD_MODEL": "big"})
    assert catalog.models["phi3"].ability is not None
    assert catalog.models["big"].price == Price(2_000_000, 8_000_000)
    assert catalog.models["big"].context_window_token_count == 1000


def test_costs_go_before_what_is_known() -> None:
    assert catalog_of(BOTH).models["big"].price == Price(150_000, 600_000)


@pytest.mark.parametrize(
    ("name", "provider_id", "upstream"),
    [
        ("gpt-x", "openai", "gpt-x"),
        ("openai/gpt-x", "openai", "gpt-x"),
        ("anthropic/claude-x", "anthropic", "claude-x"),
        ("google/gemini-x", "google", "gemini-x"),
        ("github/openai/gpt-x", "github", "openai/gpt-x"),
        ("meta-llama/llama-x", "openai", "meta-llama/llama-x"),
        ("openai/", "openai", "openai/"),
    ],
)
def test_a_built_in_provider_may_stand_before_the_cloud_model(name: str, provider_id: str, upstream: str) -> None:
    model = catalog_of({"CLOUD_MODEL": name}).models[name]
    assert (model.provider_id, model.upstream) == (provider_id, upstream)


def test_beside_a_catalogue_they_add_what_it_has_not() -> None:
    loaded = load_older(CATALOG, environment=json.dumps(environment_entries(BOTH)))
    models = loaded.configuration.catalog.models
    assert {model_id: model.provider_id for model_id, model in models.items()} == {"big": "mine", "phi3": "ollama"}
    assert loaded.warnings == ("environment: models.big: the catalogue has an entry of its own, which is used",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"OLLAMA_MODEL": "auto"}, "environment: OLLAMA_MODEL: is a reserved name", id="reserved"),
        pytest.param({"CLOUD_MODEL": "x" * 129}, "environment: CLOUD_MODEL: must have 1 to 128 characters", id="too-long"),
        pytest.param(
            {**BOTH, "CLOUD_INPUT_COST_PER_1M": "cheap"}, "environment: CLOUD_INPUT_COST_PER_1M: must be a number", id="no-number"
        ),
        pytest.param({**BOTH, "CLOUD_OUTPUT_COST_PER_1M": "-1"}, "environment: CLOUD_OUTPUT_COST_PER_1M: must be 0 or more", id="negative"),
        pytest.param({**BOTH, "CLOUD_INPUT_COST_PER_1M": "nan"}, "CLOUD_INPUT_COST_PER_1M: must be a finite number", id="nan"),
        pytest.param({**BOTH, "CLOUD_OUTPUT_COST_PER_1M": ""}, "CLOUD_OUTPUT_COST_PER_1M: is missing; a price has both", id="half-a-price"),
    ],
)
def test_a_fault_is_named_by_its_variable(values: dict[str, str], expected: str) -> None:
    with pytest.raises(CatalogInvalid) as caught:
        environment_entries(values)
    assert [line for line in caught.value.lines() if expected in line], caught.value.lines()
