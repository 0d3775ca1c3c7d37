"""Older catalogue texts for tests, and what the registry makes of them beside a small shipped catalogue."""

from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Model, Provider
from pointsman.registry.core.loading import Loaded, load_configuration, load_shipped
from pointsman.registry.core.ports import SourceTexts, TextFile
from pointsman.registry.core.problems import CatalogInvalid
from tests.unit.registry.catalog_texts import DEFAULT_RULES, NO_ENTRIES

SHIPPED = load_shipped(
    TextFile(
        "shipped.yaml",
        """\
schema_version: 1
providers:
  ollama: {kind: openai, base_url: "env:OLLAMA_BASE_URL", location: local, allow_private_address: true}
  openai: {kind: openai, base_url: "https://api.openai.com/v1", api_key: "env:OPENAI_API_KEY"}
  azure: {kind: azure_openai, base_url: "env:AZURE_OPENAI_ENDPOINT", api_key: "env:AZURE_OPENAI_API_KEY", api_version: "2024-10-21"}
  github: {kind: openai, base_url: "https://models.github.ai/inference", api_key: "env:GITHUB_TOKEN"}
  huggingface: {kind: openai, base_url: "https://router.huggingface.co/v1", api_key: "env:HF_TOKEN"}
  anthropic: {kind: openai, base_url: "https://api.anthropic.com/v1", api_key: "env:ANTHROPIC_API_KEY"}
  gemini: {kind: openai, base_url: "https://generativelanguage.googleapis.com/v1beta/openai", api_key: "env:GEMINI_API_KEY"}
models:
  - {id: phi3, provider: ollama, upstream: "phi3:latest", capabilities: [chat], context_window_tokens: 4096,
     price_usd_per_mtok: {input: 0, output: 0}, ability: {skills: {overall: -1}, source: s}}
  - {id: big, provider: openai, capabilities: [chat, tools], context_window_tokens: 1000, max_output_tokens: 100,
     price_usd_per_mtok: {input: 2, output: 8}, ability: {skills: {overall: 0.4}, source: s}}
  - {id: gone, provider: openai, status: disabled, deprecation_date: "2026-10-23", price_usd_per_mtok: {input: 1, output: 4}}
  - {id: azure/big, provider: azure, upstream: big, context_window_tokens: 900, price_usd_per_mtok: {input: 3, output: 9}}
""",
    ),
    parse=parse_yaml,
)


def load_older(
    text: str, *, name: str = "old.yaml", models_json: str | None = None, environment: str | None = None, api: ApiEntries = NO_ENTRIES
) -> Loaded:
    source = SourceTexts(
        TextFile(name, text),
        models_json=None if models_json is None else TextFile("models.json", models_json),
        environment=None if environment is None else TextFile("environment", environment),
    )
    return load_configuration(source, api, parse=parse_yaml, default_rules=DEFAULT_RULES, shipped=SHIPPED)


def model_of(text: str, model_id: str) -> Model:
    return load_older(text).configuration.catalog.models[model_id]


def provider_of(text: str, provider_id: str) -> Provider:
    return load_older(text).configuration.catalog.providers[provider_id]


def older_problems_of(
    text: str, *, models_json: str | None = None, environment: str | None = None, api: ApiEntries = NO_ENTRIES
) -> list[str]:
    """Every problem, as people read it; none where the texts are good."""
    try:
        load_older(text, models_json=models_json, environment=environment, api=api)
    except CatalogInvalid as error:
        return error.lines()
    return []
