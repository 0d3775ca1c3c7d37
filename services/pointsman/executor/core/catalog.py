"""The catalogue as the executor sees it: whom to call, where, and how long to wait.

Values only. Made from the registry's snapshot by `adapters/catalog_snapshot.py`; the wire types stop there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ProviderKind(StrEnum):
    """Which wire format a provider speaks."""

    OPENAI = "openai"
    AZURE_OPENAI = "azure_openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    SCRIPTED = "scripted"


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """A point in the catalogue's history; comparable within one epoch."""

    epoch: str
    number: int


@dataclass(frozen=True, slots=True)
class TimeoutOverrides:
    """Timers that the catalogue names, in seconds; None takes the next more general one."""

    connect_s: float | None = None
    first_token_s: float | None = None
    idle_s: float | None = None
    total_s: float | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """An address that answers completions.

    base_url: URL, or "env:NAME"; None for a scripted one. api_key: "env:NAME" or "file:PATH"; None:
    no key is sent. allow_private_address: its address may be private or loopback, and http without TLS.
    """

    id: str
    kind: ProviderKind
    base_url: str | None = None
    api_key: str | None = None
    is_local: bool = False
    allow_private_address: bool = False
    api_version: str | None = None
    timeouts: TimeoutOverrides = TimeoutOverrides()
    headers: Mapping[str, str] = field(default_factory=dict)
    tls_ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """Something that answers prompts. upstream: the provider's own name for it."""

    id: str
    provider_id: str
    upstream: str
    is_reasoning: bool = False
    timeouts: TimeoutOverrides = TimeoutOverrides()


@dataclass(frozen=True, slots=True)
class Catalog:
    """One version of it. Every model's provider is among the providers."""

    version: CatalogVersion
    providers: Mapping[str, Provider]
    models: Mapping[str, Model]

    def provider_of(self, model: Model) -> Provider:
        """The provider that serves the model."""
        return self.providers[model.provider_id]


LATEST = ":latest"


def is_listed(upstream: str, listed: frozenset[str]) -> bool:
    """Whether a provider's listing names the model, by either of its names."""
    return upstream in listed or other_name_of(upstream) in listed


def other_name_of(upstream: str) -> str:
    """The same model's other name: "phi3" and "phi3:latest" are one, as Ollama has it; a name with another tag has none but itself."""
    # A colon before the last slash is a port: "registry:5000/phi3".
    has_tag = ":" in upstream.rpartition("/")[2]
    return upstream.removesuffix(LATEST) if has_tag else upstream + LATEST
