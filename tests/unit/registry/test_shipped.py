"""What the shipped catalogue fills in, and for whom."""

import pytest

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Capability, Model, Price
from tests.unit.registry.older_texts import SHIPPED, load_older, model_of, older_problems_of

EMPTY = "schema_version: 1\nmodels: []\n"


def listed(fields: str) -> Model:
    return model_of(f'[{{"id": "m", {fields}}}]', "m")


def test_missing_facts_are_looked_up_by_provider_and_name() -> None:
    model = model_of('[{"id": "big", "provider": "openai"}]', "big")
    known = SHIPPED.models["big"]
    assert (model.price, model.context_window_token_count, model.max_output_token_count) == (
        known.price,
        known.context_window_token_count,
        known.max_output_token_count,
    )
    assert (model.capabilities, model.ability) == (known.capabilities, known.ability)


def test_what_an_entry_says_itself_is_kept() -> None:
    model = listed('"provider": "openai", "upstream": "big", "cost_per_1k_tokens": 0, "max_tokens": 7, "capabilities": ["vision"]')
    assert (model.price, model.context_window_token_count, model.capabilities) == (Price(0, 0), 7, (Capability.VISION,))


def test_a_quality_score_of_its_own_goes_before_a_known_ability() -> None:
    model = listed('"provider": "openai", "upstream": "big", "quality_score": 0.5')
    assert (model.quality_score, model.ability) == (0.5, None)


@pytest.mark.parametrize(
    ("provider", "price"),
    [
        pytest.param('"openai"', Price(2_000_000, 8_000_000), id="the-same-address"),
        pytest.param('"azure_openai"', Price(3_000_000, 9_000_000), id="another-name-of-it"),
        pytest.param('"github_models"', None, id="another-provider"),
    ],
)
def test_a_price_holds_for_one_provider_and_an_ability_wherever_the_model_is_served(provider: str, price: Price | None) -> None:
    model = listed(f'"provider": {provider}, "upstream": "big"')
    assert model.price == price
    assert model.ability == SHIPPED.models["big"].ability


def test_at_an_address_of_its_own_a_providers_prices_are_not_known() -> None:
    text = 'providers:\n  openai: {base_url: "https://proxy.example.com"}\nmodels: {big: {provider: openai}}\n'
    assert model_of(text, "big").price is None


def test_every_address_of_azure_has_azures_prices() -> None:
    text = 'providers:\n  azure: {base_url: "https://me.openai.azure.com"}\nmodels: {big: {provider: azure}}\n'
    assert model_of(text, "big").price == Price(3_000_000, 9_000_000)


@pytest.mark.parametrize("name", ["phi3", "phi3:latest"])
def test_the_default_tag_makes_no_difference(name: str) -> None:
    assert model_of(f'[{{"id": "{name}", "provider": "local"}}]', name).context_window_token_count == 4096


def test_a_shipped_id_is_called_by_its_providers_own_name_for_it() -> None:
    assert model_of('[{"id": "phi3", "provider": "local"}]', "phi3").upstream == "phi3:latest"
    assert model_of('[{"id": "azure/big", "provider": "azure"}]', "azure/big").upstream == "big"
    assert model_of('[{"id": "mine", "provider": "azure", "upstream": "big"}]', "mine").upstream == "big"


def test_another_upstream_is_another_model() -> None:
    assert model_of('[{"id": "big", "provider": "openai", "upstream": "other"}]', "big").price is None


def test_an_unknown_model_stays_unknown() -> None:
    model = listed('"provider": "openai"')
    assert (model.price, model.context_window_token_count, model.ability, model.capabilities) == (None, None, None, ())


def test_a_model_that_its_provider_has_stopped_serving_is_warned_of() -> None:
    loaded = load_older('[{"id": "gone", "provider": "openai"}]')
    assert loaded.warnings == ("models.gone: provider openai no longer serves it, says the shipped catalogue",)
    assert loaded.configuration.catalog.models["gone"].deprecation_date == "2026-10-23"


def test_the_catalogues_own_shape_is_left_as_it_is() -> None:
    text = 'schema_version: 1\nproviders: {openai: {kind: openai, base_url: "https://api.openai.com/v1"}}\n'
    assert model_of(text + "models: [{id: big, provider: openai}]\n", "big").price is None
    assert older_problems_of("schema_version: 1\nmodels:\n  - {id: big, provider: openai}\n") == [
        "old.yaml:3: models[0].provider: there is no provider 'openai'"
    ]


def test_entries_of_the_api_are_filled_in_and_bring_their_built_in_provider() -> None:
    loaded = load_older(EMPTY, api=ApiEntries(models={"big": {"id": "big", "provider": "openai"}}))
    assert loaded.configuration.catalog.models["big"].price == Price(2_000_000, 8_000_000)
    assert "openai" in loaded.configuration.catalog.providers


def test_a_provider_that_the_api_has_removed_does_not_come_back_as_a_built_in_one() -> None:
    api = ApiEntries(models={"big": {"id": "big", "provider": "openai"}}, providers={"openai": None})
    text = 'schema_version: 1\nproviders: {openai: {kind: openai, base_url: "https://api.openai.com/v1"}}\nmodels: []\n'
    assert older_problems_of(text, api=api) == ["api: models.big.provider: there is no provider 'openai'"]


def test_a_model_of_an_older_file_that_the_api_has_taken_over_needs_no_provider_there() -> None:
    api = ApiEntries(models={"m": {"id": "m", "provider": "openai"}})
    assert older_problems_of("models: {m: {provider: nobody}}\n", api=api) == []
