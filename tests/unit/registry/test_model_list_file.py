"""models.json, alone and beside a catalogue."""

import pytest

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Capability, Location, Model, ModelStatus, Price
from pointsman.registry.core.document import Plain
from pointsman.registry.core.older.model_list_file import model_entry_from_update, words_of_update
from pointsman.registry.core.problems import CatalogInvalid
from tests.unit.registry.older_texts import load_older, model_of, older_problems_of, provider_of

CATALOG = """\
schema_version: 1
providers:
  openai: {kind: openai, base_url: "https://api.openai.com/v1", api_key: "env:OPENAI_API_KEY"}
models:
  - {id: small, provider: openai}
"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[{"id": "a", "provider": "local", "display_name": "A", "status": "active"}]', id="list"),
        pytest.param('{"models": [{"id": "a", "provider": "local", "display_name": "A", "status": "active"}]}', id="under-models"),
        pytest.param("- {id: a, provider: local, display_name: A, status: active}", id="yaml"),
    ],
)
def test_a_list_is_a_catalogue_of_its_own(text: str) -> None:
    assert model_of(text, "a") == Model("a", "local", "a", "A")
    assert provider_of(text, "local").location is Location.LOCAL
    assert list(load_older(text).configuration.catalog.policies) == ["cheap", "balanced", "quality"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("active", ModelStatus.ACTIVE),
        ("beta", ModelStatus.ACTIVE),
        ("preview", ModelStatus.ACTIVE),
        ("inactive", ModelStatus.DISABLED),
        ("disabled", ModelStatus.DISABLED),
        ("maintenance", ModelStatus.DISABLED),
        ("deprecated", ModelStatus.DEPRECATED),
        ("draining", ModelStatus.DRAINING),
    ],
)
def test_each_word_for_a_status_is_one_of_ours(word: str, status: ModelStatus) -> None:
    assert model_of(f'[{{"id": "a", "provider": "openai", "status": "{word}"}}]', "a").status is status


def test_an_unknown_word_for_a_status_is_a_problem_with_its_line() -> None:
    problems = older_problems_of('[\n {"id": "a", "provider": "openai"},\n {"id": "b", "provider": "openai",\n  "status": "sleeping"}\n]')
    assert len(problems) == 1
    assert problems[0].startswith("old.yaml:4: [1].status: must be one of active, draining, disabled, deprecated, ")


def test_reasoning_is_what_the_catalogue_calls_so() -> None:
    text = '[{"id": "a", "provider": "openai", "capabilities": ["chat", "reasoning", "code-generation"]}]'
    assert model_of(text, "a").capabilities == (Capability.CHAT, Capability.REASONING, Capability.CODE)


def test_prices_are_read_under_the_two_names_that_have_a_unit() -> None:
    per_million = '[{"id": "a", "provider": "openai", "price_usd_per_mtok": {"input": 0.1, "output": 0.4}}]'
    per_thousand = '[{"id": "a", "provider": "openai", "cost_per_1k_tokens": {"input": 0.0001, "output": 0.0004}}]'
    assert model_of(per_million, "a").price == model_of(per_thousand, "a").price == Price(100_000, 400_000)


def test_a_price_under_another_name_is_not_guessed_and_told_once() -> None:
    text = '[{"id": "a", "provider": "openai", "pricing": {"input": 1}},\n {"id": "b", "provider": "openai", "pricing": {"input": 2}}]'
    loaded = load_older(text)
    assert loaded.configuration.catalog.models["a"].price is None
    assert loaded.warnings == ("old.yaml:1: [0].pricing: is not read, here and in 1 more",)


def test_unknown_things_beside_the_models_are_told() -> None:
    assert load_older('{"models": [], "updated_at": "2026-11-01"}').warnings == ("old.yaml:1: updated_at: is not read",)


@pytest.mark.parametrize("field", ["api_key", "apikey", "openai_api_key", "token", "access_token", "secret", "x-api-key", "authorization"])
def test_a_secret_is_refused_and_not_repeated(field: str) -> None:
    problems = older_problems_of(f'[{{"id": "a", "provider": "openai", "{field}": "sk-1234"}}]')
    assert problems == [f"old.yaml:1: [0].{field}: must not be here: a secret does not belong in this file"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[1]", "old.yaml:1: [0]: must be a mapping of fields", id="number"),
        pytest.param('[{"provider": "openai"}]', "old.yaml:1: [0].id: is missing", id="no-id"),
        pytest.param('[{"id": "a"}]', "old.yaml:1: [0].provider: is missing", id="no-provider"),
        pytest.param('[{"id": "auto", "provider": "openai"}]', "old.yaml:1: [0].id: is a reserved name", id="reserved"),
        pytest.param(f'[{{"id": "{"x" * 300}", "provider": "openai"}}]', "[0].id: must have 1 to 128 characters", id="300-characters"),
        pytest.param('[{"id": "a\\u0007", "provider": "openai"}]', "[0].id: must not hold control characters", id="control-character"),
        pytest.param('[{"id": "a", "provider": "nobody"}]', "[0].provider: there is no provider 'nobody'; built in are", id="provider"),
        pytest.param(
            '[{"id": "a", "provider": "openai"},\n {"id": "a", "provider": "openai"}]',
            "old.yaml:2: [1].id: is the same as on line 1",
            id="twice",
        ),
        pytest.param(
            '{"models": [{"id": "a", "provider": "openai"},\n {"id": "a", "provider": "openai"}]}',
            "old.yaml:2: models[1].id: is the same as on line 1",
            id="twice-under-models",
        ),
        pytest.param(
            '[{"id": "a", "provider": "openai", "price_usd_per_mtok": {"input": -1, "output": 1}}]',
            "[0].price_usd_per_mtok.input: must be 0 or more",
            id="negative-price",
        ),
        pytest.param('[{"id": "a", "provider": "openai", "max_tokens": 0}]', "[0].max_tokens: must be 1 or more", id="window-0"),
        pytest.param(
            '{"models": [], "providers": {"p": {"kind": "openai", "base_url": "file:///etc/passwd"}}}',
            "providers.p.base_url: must",
            id="file-address",
        ),
    ],
)
def test_a_fault_is_named_by_file_line_and_field(text: str, expected: str) -> None:
    assert any(expected in line for line in older_problems_of(text)), older_problems_of(text)


def test_beside_a_catalogue_entries_are_added_and_the_catalogue_wins() -> None:
    beside = '[{"id": "small", "provider": "local"}, {"id": "more", "provider": "local"}]'
    loaded = load_older(CATALOG, models_json=beside)
    models = loaded.configuration.catalog.models
    assert {model_id: model.provider_id for model_id, model in models.items()} == {"small": "openai", "more": "local"}
    assert [model.id for model in loaded.file.models] == ["small", "more"]
    assert loaded.warnings == ("models.json: models.small: the catalogue has an entry of its own, which is used",)


def test_a_fault_of_an_entry_that_is_passed_over_does_not_count_unless_it_cannot_be_read() -> None:
    assert older_problems_of(CATALOG, models_json='[{"id": "small", "provider": "nobody"}]') == []
    assert older_problems_of(CATALOG, models_json='[{"id": "small", "provider": 1}]') == [
        "models.json:1: [0].provider: must be text; put it in quotes"
    ]


def test_faults_of_all_files_are_told_at_once() -> None:
    problems = older_problems_of(CATALOG + "x: 1\n", models_json='[{"id": "a"}]', environment='[{"id": "b"}]')
    assert [problem.partition(":")[0] for problem in problems] == ["environment", "models.json", "old.yaml"]


@pytest.mark.parametrize("text", ["models: {}", CATALOG, "just text"])
def test_beside_a_catalogue_only_a_list_of_models_is_read(text: str) -> None:
    assert 'models.json:1: must be a list of models, or {"models": [...]}' in older_problems_of(CATALOG, models_json=text)


def test_a_provider_of_the_list_is_passed_over_where_the_catalogue_has_another_of_its_name() -> None:
    beside = '{"models": [], "providers": {"openai": {"region": "eu"}, "mine": {"kind": "openai", "base_url": "https://mine.example.com"}}}'
    loaded = load_older(CATALOG, models_json=beside)
    assert loaded.configuration.catalog.providers["openai"].region is None
    assert "mine" in loaded.configuration.catalog.providers
    assert loaded.warnings == ("models.json: providers.openai: the catalogue has an entry of its own, which is used",)


def test_an_update_becomes_an_entry_that_the_catalogue_reads() -> None:
    update: dict[str, Plain] = {
        "id": "x",
        "provider": "azure_openai",
        "display_name": "X",
        "status": "inactive",
        "max_tokens": 9,
        "cost_per_1k_tokens": 0.001,
    }
    entry = model_entry_from_update(update, words_of_update([update]))
    loaded = load_older(CATALOG, api=ApiEntries(models={"x": entry}))
    model = loaded.configuration.catalog.models["x"]
    assert (model.display_name, model.status, model.context_window_token_count) == ("X", ModelStatus.DISABLED, 9)
    assert (model.price, model.provider_id) == (Price(1_000_000, 1_000_000), "azure_openai")
    assert "azure_openai" in loaded.configuration.catalog.providers


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"provider": "openai"}, "id: is missing", id="no-id"),
        pytest.param({"id": "x", "provider": "openai", "status": "asleep"}, "status: must be one of active", id="unknown-status"),
        pytest.param({"id": "x", "provider": "openai", "weight": -1}, "weight: is no field of this place", id="unknown-field"),
        pytest.param({"id": "x", "provider": "openai", "max_tokens": 0}, "max_tokens: must be 1 or more", id="window-0"),
        pytest.param({"id": "x", "provider": "openai", "quality_score": float("nan")}, "quality_score: must be a finite number", id="nan"),
    ],
)
def test_a_faulty_update_is_refused_by_its_field(entry: dict[str, str | int | float], expected: str) -> None:
    with pytest.raises(CatalogInvalid, match=expected):
        model_entry_from_update(entry, words_of_update([entry]))
