"""Whatever the text, loading ends with a configuration or with CatalogInvalid."""

import json
from contextlib import suppress

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.registry.core.problems import CatalogInvalid
from pointsman.registry.servicer.snapshot_messages import encode_content
from tests.unit.registry.catalog_texts import HEAD, load

NAMES = [
    "schema_version", "providers", "models", "policies", "routing_rules", "classification", "agents", "experiments", "projects", "budgets",
    "keys", "oidc", "alerts", "id", "provider", "kind", "base_url", "api_key", "price_usd_per_mtok", "input", "output", "above", "ability",
    "skills", "source", "overall", "arms", "model", "weight", "when", "category", "rules", "categories", "examples", "name", "webhooks",
]  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["openai", "scripted", "env:A", "auto", "1e5"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=6),
    max_leaves=25,
)


def loads_or_is_refused(text: str, rules: str | None = None) -> None:
    with suppress(CatalogInvalid):
        loaded = load(text, rules)
        encode_content(loaded.configuration.catalog)
        encode_content(loaded.configuration.classification)


@settings(deadline=None)
@given(st.text())
def test_any_text_loads_or_is_refused(text: str) -> None:
    loads_or_is_refused(text)
    loads_or_is_refused(HEAD + text)
    loads_or_is_refused(HEAD + "classification: {rules: r}\n", text)


@settings(deadline=None)
@given(st.text(alphabet="{}[]:,-&*!|>'\"%@`#? \n\tab01.~\\"))
def test_any_punctuation_loads_or_is_refused(text: str) -> None:
    loads_or_is_refused(text)
    loads_or_is_refused(HEAD + "policies: " + text)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), values))
def test_any_structure_loads_or_is_refused(document: object) -> None:
    loads_or_is_refused(yaml.safe_dump(document, allow_unicode=True))
    loads_or_is_refused(json.dumps(document))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), values))
def test_any_model_loads_or_is_refused(model: object) -> None:
    loads_or_is_refused(HEAD + "  - " + json.dumps(model) + "\n")


@settings(deadline=None)
@given(st.data())
def test_a_shortened_file_loads_or_is_refused(data: st.DataObject) -> None:
    text = HEAD + "policies:\n  a: {value_usd_per_mtok: 1, default: true}\n"
    loads_or_is_refused(text[: data.draw(st.integers(0, len(text)))])
