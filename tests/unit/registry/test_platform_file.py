"""The platform shape: what its words come to, and that its faults are named as those of the catalogue's own shape are."""

import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.registry.core.catalog import Capability, Location, ModelStatus, Price, ProviderKind, RoutingRule
from pointsman.registry.core.problems import CatalogInvalid
from pointsman.registry.servicer.snapshot_messages import encode_content
from tests.unit.registry.older_texts import load_older, model_of, older_problems_of, provider_of


def entry(fields: str) -> str:
    """A platform file whose only model, on line 2, has these fields."""
    return f"models:\n  m: {{provider: openai, {fields}}}\n"


@pytest.mark.parametrize(
    ("cost", "price"),
    [
        pytest.param("0.002", Price(2_000_000, 2_000_000), id="one-number-for-both"),
        pytest.param("0", Price(0, 0), id="free"),
        pytest.param("{input: 0.0001, output: 0.0004}", Price(100_000, 400_000), id="both-directions"),
        pytest.param("1.5e-7", Price(150, 150), id="exponent"),
        pytest.param("0.000000001", Price(1, 1), id="a-micro-dollar-per-million"),
        pytest.param("0.03", Price(30_000_000, 30_000_000), id="no-binary-rounding"),
    ],
)
def test_cost_per_1k_tokens_is_read_exactly(cost: str, price: Price) -> None:
    assert model_of(entry(f"cost_per_1k_tokens: {cost}"), "m").price == price


@settings(deadline=None)
@given(microusd=st.integers(0, 10**12))
def test_every_price_survives_the_way_through_dollars_per_thousand(microusd: int) -> None:
    dollars_per_1k = f"{microusd // 10**9}.{microusd % 10**9:09d}"
    assert model_of(entry(f"cost_per_1k_tokens: {dollars_per_1k}"), "m").price == Price(microusd, microusd)


@pytest.mark.parametrize(
    ("scores", "shares"),
    [
        pytest.param(("0.9", "1"), (0.9, 1.0), id="shares"),
        pytest.param(("90", "100"), (0.9, 1.0), id="percentages"),
        pytest.param(("1", "85"), (0.01, 0.85), id="one-above-1-makes-all-of-them-percentages"),
        pytest.param(("0", "0.5"), (0.0, 0.5), id="zero"),
    ],
)
def test_quality_scores_are_shares_or_percentages_of_a_whole_file(scores: tuple[str, str], shares: tuple[float, float]) -> None:
    text = f"models:\n  a: {{provider: openai, quality_score: {scores[0]}}}\n  b: {{provider: openai, quality_score: {scores[1]}}}\n"
    assert (model_of(text, "a").quality_score, model_of(text, "b").quality_score) == shares


@pytest.mark.parametrize(
    ("words", "capabilities"),
    [
        pytest.param("text-generation, conversation", (Capability.CHAT,), id="kinds-of-chat"),
        pytest.param("summarization, reasoning, analysis", (Capability.CHAT,), id="reasoning-is-a-kind-of-chat-here"),
        pytest.param("code-generation, code-completion", (Capability.CHAT, Capability.CODE), id="code"),
        pytest.param("function-calling, vision", (Capability.TOOLS, Capability.VISION), id="tools-and-vision"),
        pytest.param("embeddings", (Capability.EMBEDDINGS,), id="embeddings"),
        pytest.param("Text_Generation, function calling", (Capability.CHAT, Capability.TOOLS), id="other-spellings"),
        pytest.param("streaming, json_schema", (Capability.STREAMING, Capability.JSON_SCHEMA), id="the-catalogues-own"),
    ],
)
def test_kinds_of_work_are_capabilities(words: str, capabilities: tuple[Capability, ...]) -> None:
    assert model_of(entry(f"capabilities: [{words}]"), "m").capabilities == capabilities


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("latency_ms: 1", ModelStatus.ACTIVE),
        ("status: beta", ModelStatus.ACTIVE),
        ("status: Inactive", ModelStatus.DISABLED),
        ("status: deprecated", ModelStatus.DEPRECATED),
        ("status: draining", ModelStatus.DRAINING),
        ("enabled: false", ModelStatus.DISABLED),
        ("enabled: true, status: deprecated", ModelStatus.DEPRECATED),
        ("enabled: false, status: active", ModelStatus.DISABLED),
    ],
)
def test_status_and_enabled_decide_together(fields: str, status: ModelStatus) -> None:
    assert model_of(entry(fields), "m").status is status


def test_window_and_latency_have_their_units() -> None:
    model = model_of(entry("max_tokens: 8192, latency_ms: 800, upstream: other, display_name: Other"), "m")
    assert (model.context_window_token_count, model.typical_latency_s) == (8192, 0.8)
    assert (model.upstream, model.display_name) == ("other", "Other")


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param("{code-generation: {preferred_models: [m], fallback_models: [x]}, embeddings: {preferred_models: [m]}}", id="mapping"),
        pytest.param(
            "[{task: code-generation, preferred_models: [m], fallback_models: [x]}, {task: embeddings, preferred_models: [m]}]", id="list"
        ),
    ],
)
def test_routing_rules_are_a_mapping_or_a_list(rules: str) -> None:
    loaded = load_older(entry("latency_ms: 1") + f"routing_rules: {rules}\n")
    assert loaded.configuration.catalog.routing_rules == (
        RoutingRule("code-generation", ("m",), ("x",)),
        RoutingRule("embeddings", ("m",)),
    )
    assert any("there is no model 'x'" in warning for warning in loaded.warnings)


@pytest.mark.parametrize(
    ("name", "kind", "base_url"),
    [
        ("local", ProviderKind.OPENAI, "env:OLLAMA_BASE_URL"),
        ("openai", ProviderKind.OPENAI, "https://api.openai.com/v1"),
        ("azure_openai", ProviderKind.AZURE_OPENAI, "env:AZURE_OPENAI_ENDPOINT"),
        ("github_models", ProviderKind.OPENAI, "https://models.github.ai/inference"),
        ("huggingface", ProviderKind.OPENAI, "https://router.huggingface.co/v1"),
        ("anthropic", ProviderKind.OPENAI, "https://api.anthropic.com/v1"),
        ("google", ProviderKind.OPENAI, "https://generativelanguage.googleapis.com/v1beta/openai"),
        ("gemini", ProviderKind.OPENAI, "https://generativelanguage.googleapis.com/v1beta/openai"),
    ],
)
def test_a_provider_without_a_block_is_the_built_in_one_under_the_name_given(name: str, kind: ProviderKind, base_url: str) -> None:
    text = f"models:\n  m: {{provider: {name}}}\n"
    provider = provider_of(text, name)
    assert (provider.id, provider.kind, provider.base_url) == (name, kind, base_url)
    assert (provider.location is Location.LOCAL) == (name == "local")
    assert model_of(text, "m").provider_id == name


def test_a_block_needs_to_say_only_what_is_different() -> None:
    text = 'providers:\n  azure_openai: {base_url: "https://me.openai.azure.com", api_key: "env:MINE"}\n  openai: {region: eu}\n  local:\n'
    text += "models:\n  m: {provider: azure_openai}\n"
    providers = load_older(text).configuration.catalog.providers
    azure = providers["azure_openai"]
    assert (azure.kind, azure.api_version, azure.api_key) == (ProviderKind.AZURE_OPENAI, "2024-10-21", "env:MINE")
    assert (providers["openai"].api_key, providers["openai"].region) == ("env:OPENAI_API_KEY", "eu")
    assert providers["local"].location is Location.LOCAL


def test_a_built_in_key_does_not_go_to_another_address() -> None:
    text = 'providers:\n  openai: {base_url: "https://elsewhere.example.com"}\nmodels: {m: {provider: openai}}\n'
    assert provider_of(text, "openai").api_key is None


def test_policies_are_the_built_in_ones() -> None:
    assert list(load_older(entry("latency_ms: 1")).configuration.catalog.policies) == ["cheap", "balanced", "quality"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("cost_per_1k_tokens: -1", "cost_per_1k_tokens: must be 0 or more", id="negative-price"),
        pytest.param("cost_per_1k_tokens: .nan", "cost_per_1k_tokens: must be a finite number", id="nan-price"),
        pytest.param("cost_per_1k_tokens: 1e9", "cost_per_1k_tokens: must be 1000 or less", id="price-1e9"),
        pytest.param('cost_per_1k_tokens: "1"', "cost_per_1k_tokens: must be a number", id="price-text"),
        pytest.param("cost_per_1k_tokens: [1]", "cost_per_1k_tokens: must be a number", id="price-list"),
        pytest.param("cost_per_1k_tokens: 0.0000000001", "cost_per_1k_tokens: must have at most 9 decimals", id="price-of-10-decimals"),
        pytest.param("cost_per_1k_tokens: {input: 1}", "cost_per_1k_tokens.output: is missing", id="half-a-price"),
        pytest.param("cost_per_1k_tokens: {input: 1, output: 1, x: 1}", "cost_per_1k_tokens.x: is no field of this place", id="price-of-3"),
        pytest.param("max_tokens: 0", "max_tokens: must be 1 or more", id="window-0"),
        pytest.param(
            "max_tokens: 9, context_window_tokens: 9", "max_tokens: says the same as context_window_tokens; give one of them", id="two"
        ),
        pytest.param("latency_ms: -1", "latency_ms: must be 0 or more", id="negative-latency"),
        pytest.param("quality_score: 101", "quality_score: must be 100 or less", id="quality-101"),
        pytest.param("quality_score: -0.1", "quality_score: must be 0 or more", id="negative-quality"),
        pytest.param("quality_score: good", "quality_score: must be a number", id="quality-text"),
        pytest.param("capabilities: chat", "capabilities: must be a list", id="capabilities-text"),
        pytest.param("enabled: no", "enabled: must be true or false", id="enabled-no"),
        pytest.param("display_name: on", None, id="on-is-text"),
        pytest.param("weight: -1", "weight: is no field of this place", id="unknown-field"),
        pytest.param("cost_per_1k_token: 1", "cost_per_1k_token: is no field of this place", id="mistyped-price"),
        pytest.param("api_key: sk-1234", "api_key: is no field of this place", id="secret"),
        pytest.param('display_name: "a\\u0007b"', "display_name: must not hold control characters", id="name-with-bell"),
    ],
)
def test_a_fault_of_a_model_is_named_by_file_line_and_field(fields: str, expected: str | None) -> None:
    assert older_problems_of(entry(fields)) == ([] if expected is None else [f"old.yaml:2: models.m.{expected}"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("models:\n  m: {}\n", "old.yaml:2: models.m.provider: is missing", id="no-provider"),
        pytest.param("models:\n  m:\n", "old.yaml:2: models.m: must be a mapping of fields", id="no-fields"),
        pytest.param("models:\n  auto: {provider: openai}\n", "old.yaml:2: models.auto: is a reserved name", id="reserved-name"),
        pytest.param(f"models:\n  {'x' * 129}: {{provider: openai}}\n", "must have 1 to 128 characters", id="129-characters"),
        pytest.param(
            "models:\n  m: {provider: openai}\n  m: {provider: openai}\n", "old.yaml:3: models.m: is a second time here", id="same-id"
        ),
        pytest.param("models:\n\tm: {provider: openai}\n", "old.yaml:2: a tab cannot indent; use blanks", id="tab"),
        pytest.param("models:\n  m: &a {provider: openai}\n", "old.yaml:2: models.m: anchors are not allowed", id="anchor"),
        pytest.param(
            "models:\n  m: !!python/object:os.system {provider: openai}\n", "old.yaml:2: models.m: tags are not allowed", id="tag"
        ),
        pytest.param(
            "models: {m: {provider: nobody}}\n", "there is no provider 'nobody'; built in are ollama, openai", id="unknown-provider"
        ),
        pytest.param("models: {m: {provider: openai}}\nextra: 1\n", "old.yaml:2: extra: is no field of this place", id="unknown-section"),
        pytest.param(
            "models: {m: {provider: openai}}\nrouting_rules:\n  coding: {preferred: [m]}\n",
            "old.yaml:3: routing_rules.coding.preferred_models: is missing",
            id="rule-without-models",
        ),
        pytest.param(
            "models: {m: {provider: openai}}\nrouting_rules:\n  - {preferred_models: [m]}\n",
            "old.yaml:3: routing_rules[0].task: is missing",
            id="rule-without-task",
        ),
        pytest.param(
            "providers:\n  p: {kind: openai, base_url: 'http://127.0.0.1'}\nmodels: {m: {provider: p}}\n",
            "old.yaml:2: providers.p.base_url: must begin with https://",
            id="private-address",
        ),
        pytest.param(
            "providers:\n  openai: {api_key: sk-1234}\nmodels: {m: {provider: openai}}\n",
            "old.yaml:2: providers.openai.api_key: must be env:NAME or file:PATH; a secret does not belong in this file",
            id="inline-secret",
        ),
    ],
)
def test_a_fault_of_the_file_is_named_by_file_and_line(text: str, expected: str) -> None:
    assert any(expected in line for line in older_problems_of(text)), older_problems_of(text)


def test_a_secret_is_not_repeated_in_a_problem() -> None:
    text = "providers:\n  openai: {api_key: sk-1234}\nmodels: {m: {provider: openai, api_key: sk-1234}}\n"
    assert not any("sk-1234" in line for line in older_problems_of(text))


def test_a_limit_that_nothing_holds_to_is_told_as_inactive() -> None:
    text = "providers:\n  openai: {max_in_flight: 3}\nmodels: {m: {provider: openai}}\n"
    assert load_older(text).configuration.inactive_sections == ("providers.max_in_flight",)


NAMES = ["models", "providers", "routing_rules", "m", "provider", "openai", "local", "cost_per_1k_tokens", "input", "output", "max_tokens"]
NAMES += [
    "latency_ms",
    "quality_score",
    "capabilities",
    "status",
    "enabled",
    "preferred_models",
    "fallback_models",
    "task",
    "kind",
    "base_url",
]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["openai", "chat", "beta", "env:A"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5), max_leaves=20
)


@settings(deadline=None)
@given(models=st.dictionaries(st.text(max_size=5), values), rest=st.dictionaries(st.sampled_from(NAMES[1:3]), values))
def test_any_structure_loads_or_is_refused(models: object, rest: dict[str, object]) -> None:
    document = {"models": models, **rest}
    for text in (yaml.safe_dump(document, allow_unicode=True), json.dumps(document)):
        with suppress(CatalogInvalid):
            encode_content(load_older(text).configuration.catalog)
