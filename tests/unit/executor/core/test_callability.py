"""Whether a provider can be called, and which setting would change it."""

from dataclasses import replace

import pytest

from pointsman.executor.core.callability import Callability, DemoMode, Findings, callability_of
from pointsman.executor.core.catalog import Catalog, CatalogVersion, Model, Provider, ProviderKind

SPOKEN = frozenset({ProviderKind.OPENAI, ProviderKind.SCRIPTED})
PAID = Provider("paid", ProviderKind.OPENAI, "https://host/v1", "env:KEY")
FREE = Provider("free", ProviderKind.OPENAI, "env:OLLAMA_BASE_URL")
DEMO = Provider("demo", ProviderKind.SCRIPTED)


def states(findings: Findings, provider: Provider, demo: DemoMode = DemoMode.AUTO) -> dict[str, Callability]:
    providers = {provider.id: provider, "demo": DEMO}
    return callability_of(Catalog(CatalogVersion("e", 1), providers, {}), {provider.id: findings, "demo": Findings()}, demo, SPOKEN)


REASONS = {
    "all set": (PAID, Findings(), None),
    "no address": (PAID, Findings(missing="BASE is not set", missing_key="KEY is not set"), "BASE is not set"),
    "no key": (PAID, Findings(missing_key="KEY is not set"), "KEY is not set"),
    "refused key": (PAID, Findings(is_key_refused=True), "it has refused the key in env:KEY; a new version of the catalogue tries again"),
    "refused key of a file": (
        replace(PAID, api_key="file:/k"),
        Findings(is_key_refused=True),
        "it has refused the key in file:/k; another key there, or a new version of the catalogue, tries again",
    ),
    "no listing": (FREE, Findings(), "no server answers; start it, or set OLLAMA_BASE_URL to its address"),
    "listing": (FREE, Findings(listed=frozenset()), None),
    "not spoken": (Provider("a", ProviderKind.ANTHROPIC, "https://host", "env:KEY"), Findings(), "its kind anthropic is not spoken yet"),
}


@pytest.mark.parametrize(("provider", "findings", "reason"), REASONS.values(), ids=REASONS.keys())
def test_reason_names_the_setting(provider: Provider, findings: Findings, reason: str | None) -> None:
    assert states(findings, provider)[provider.id].reason == reason


@pytest.mark.parametrize(
    ("demo", "others", "is_callable"),
    [
        (DemoMode.AUTO, Findings(), False),
        (DemoMode.AUTO, Findings(missing_key="KEY is not set"), True),
        (DemoMode.TRUE, Findings(), True),
        (DemoMode.FALSE, Findings(missing_key="KEY is not set"), False),
    ],
)
def test_demo_provider_stands_in_only_while_it_is_alone(demo: DemoMode, others: Findings, is_callable: bool) -> None:  # noqa: FBT001
    assert (states(others, PAID, demo)["demo"].reason is None) is is_callable


def test_a_callers_key_makes_up_for_a_missing_one_and_for_nothing_else() -> None:
    model = Model("m", "paid", "m")
    assert Callability("KEY is not set", needs_key=True).refusal_of(model, with_own_key=False) is None
    assert Callability("KEY is not set", needs_key=True).refusal_of(model, with_own_key=True) == "KEY is not set"
    assert Callability("BASE is not set").refusal_of(model, with_own_key=False) == "BASE is not set"


@pytest.mark.parametrize(
    ("upstream", "is_callable"),
    [
        ("phi3", True),
        ("phi3:latest", True),
        ("llama3:8b", True),
        ("llama3", False),
        ("mistral", False),
        ("org/bare", True),
        ("org/bare:latest", True),
        ("org/bare:7b", False),
        ("host:5000/org/phi3", True),
    ],
)
def test_model_must_be_listed_latest_being_understood(upstream: str, is_callable: bool) -> None:  # noqa: FBT001
    state = Callability(listed=frozenset({"phi3:latest", "llama3:8b", "org/bare", "host:5000/org/phi3:latest"}))
    assert (state.refusal_of(Model("m", "free", upstream), with_own_key=True) is None) is is_callable
