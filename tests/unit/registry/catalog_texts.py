"""Catalogue texts for tests, and what the registry makes of them."""

from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.loading import Loaded, load_configuration
from pointsman.registry.core.ports import SourceTexts, TextFile
from pointsman.registry.core.problems import CatalogInvalid
from pointsman.rules.keyword_rules import KeywordRule

DEFAULT_RULES = (KeywordRule("python", "coding", r"\bpython\b", 2.0),)

NO_ENTRIES = ApiEntries()

# Lines 1 to 6; what a test adds begins on line 7.
HEAD = """\
schema_version: 1
providers:
  openai: {kind: openai, base_url: "https://api.openai.com/v1", api_key: "env:OPENAI_API_KEY"}
  demo: {kind: scripted}
models:
  - {id: small, provider: openai}
"""


def source_of(text: str, rules: str | None = None) -> SourceTexts:
    return SourceTexts(TextFile("catalog.yaml", text), None if rules is None else TextFile("rules.yaml", rules))


def load(text: str, rules: str | None = None, api: ApiEntries = NO_ENTRIES) -> Loaded:
    return load_configuration(source_of(text, rules), api, parse=parse_yaml, default_rules=DEFAULT_RULES)


def problems_of(text: str, rules: str | None = None, api: ApiEntries = NO_ENTRIES) -> list[str]:
    """Every problem, as people read it; none where the text is good."""
    try:
        load(text, rules, api)
    except CatalogInvalid as error:
        return error.lines()
    return []


def model_text(fields: str) -> str:
    """A catalogue whose second model, on line 7, has these fields."""
    return HEAD + f"  - {{id: other, provider: openai, {fields}}}\n"


def provider_text(fields: str) -> str:
    """A catalogue whose only provider, on line 3, has these fields."""
    return f"schema_version: 1\nproviders:\n  p: {{{fields}}}\nmodels: []\n"
