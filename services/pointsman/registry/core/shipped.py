"""What the shipped catalogue knows, for entries of other files that do not say it themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pointsman.registry.core.catalog import Model, Provider, ProviderKind
from pointsman.registry.core.catalog_file import CatalogFile

T = TypeVar("T")

# Names that other systems give to the shipped catalogue's providers.
PROVIDER_ALIASES: Mapping[str, str] = {
    "azure_openai": "azure",
    "github_models": "github",
    "google": "gemini",
    "local": "ollama",
}
# Those of the shipped catalogue, which a test holds to it.
PROVIDER_IDS = ("ollama", "openai", "azure", "github", "huggingface", "anthropic", "gemini", "demo")
# Ollama's name for a model without a tag.
DEFAULT_TAG = ":latest"


@dataclass(frozen=True, slots=True)
class Shipped:
    """The shipped catalogue's providers and models by id."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)


NOTHING_SHIPPED = Shipped()


def shipped_of(file: CatalogFile) -> Shipped:
    """What the shipped catalogue, as read, holds."""
    return Shipped({provider.id: provider for provider in file.providers}, {model.id: model for model in file.models})


def is_built_in_provider(name: str) -> bool:
    """True for a name that stands for a provider without an entry of its own."""
    return name in PROVIDER_IDS or name in PROVIDER_ALIASES


def built_in_provider(name: str, shipped: Shipped) -> Provider | None:
    """The provider that a name stands for, under that name; None where there is none."""
    provider = shipped.providers.get(PROVIDER_ALIASES.get(name, name))
    return None if provider is None else replace(provider, id=name)


def completed(model: Model, provider: Provider | None, shipped: Shipped) -> Model:
    """The model with what is known of it where it says nothing itself.

    Prices and windows hold for one provider's address alone; an ability goes with the model wherever it
    is served, and gives way to a quality score of the entry's own.
    """
    same_offer = offer_of(model, provider, shipped)
    if same_offer is not None:
        model = replace(
            model,
            upstream=same_offer.upstream if model.upstream == same_offer.id else model.upstream,
            capabilities=model.capabilities or same_offer.capabilities,
            context_window_token_count=_first(model.context_window_token_count, same_offer.context_window_token_count),
            max_output_token_count=_first(model.max_output_token_count, same_offer.max_output_token_count),
            price=_first(model.price, same_offer.price),
            typical_latency_s=_first(model.typical_latency_s, same_offer.typical_latency_s),
            deprecation_date=_first(model.deprecation_date, same_offer.deprecation_date),
        )
    if model.ability is None and model.quality_score is None:
        known = (same_offer, *_namesakes(model, shipped))
        ability = next((one.ability for one in known if one is not None and one.ability is not None), None)
        model = replace(model, ability=ability)
    return model


def offer_of(model: Model, provider: Provider | None, shipped: Shipped) -> Model | None:
    """The same model at the same address, as the shipped catalogue has it; None where it has not."""
    name = _untagged(model.upstream)
    for offer in shipped.models.values():
        if name in {offer.id, _untagged(offer.upstream)} and _is_same_address(provider, shipped.providers.get(offer.provider_id)):
            return offer
    return None


def _is_same_address(one: Provider | None, other: Provider | None) -> bool:
    """True where prices and windows of one hold for the other; every customer of Azure has an address of his own."""
    if one is None or other is None or one.kind is not other.kind:
        return False
    return one.kind is ProviderKind.AZURE_OPENAI or one.base_url == other.base_url


def _namesakes(model: Model, shipped: Shipped) -> Iterator[Model]:
    name = _bare(model.upstream)
    return (known for known in shipped.models.values() if name in {_bare(known.id), _bare(known.upstream)})


def _bare(name: str) -> str:
    """A model's name without who made it or serves it."""
    return _untagged(name).rpartition("/")[2].lower()


def _untagged(name: str) -> str:
    return name.removesuffix(DEFAULT_TAG)


def _first(own: T | None, known: T | None) -> T | None:
    return known if own is None else own
