"""Makes the effective configuration of the file's entries and the API's, and checks that its names hang together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pointsman.registry.core.catalog import Catalog, Classification, Model, ModelStatus, Provider
from pointsman.registry.core.catalog_file import CatalogFile
from pointsman.registry.core.document import Plain, node_from_plain
from pointsman.registry.core.fields import Place, Reference, Refused, Report
from pointsman.registry.core.model_entries import read_model
from pointsman.registry.core.problems import ProblemList
from pointsman.registry.core.provider_entries import read_provider
from pointsman.registry.core.shipped import (
    NOTHING_SHIPPED,
    PROVIDER_ALIASES,
    PROVIDER_IDS,
    Shipped,
    built_in_provider,
    completed,
    is_built_in_provider,
    offer_of,
)
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, KeywordRule

T = TypeVar("T")

API_ORIGIN = "api"


@dataclass(frozen=True, slots=True)
class ApiEntries:
    """Entries that belong to the API, in the file's shape. None: an entry of the file that the API removed for good."""

    providers: Mapping[str, Plain] = field(default_factory=dict)
    models: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that is handed out, and what is to be said about it."""

    catalog: Catalog
    classification: Classification
    references: tuple[Reference, ...]
    warnings: tuple[str, ...]
    inactive_sections: tuple[str, ...]


def assemble(
    file: CatalogFile,
    api: ApiEntries,
    *,
    default_rules: tuple[KeywordRule, ...],
    problems: ProblemList,
    shipped: Shipped = NOTHING_SHIPPED,
) -> Configuration:
    """The effective configuration: the file's entries, those of the API over them.

    Older files' and the API's models may name a built-in provider, and what they leave out is looked up.
    """
    report = Report(API_ORIGIN, problems)
    own_providers = _read_providers(api.providers, report)
    own_models = _read_models(api.models, report)
    references = (*(one for one in file.references if one.owner not in api.models), *report.references)
    providers = _overlay({provider.id: provider for provider in file.providers}, own_providers)
    providers |= _built_in_providers(references, own_providers.keys() | providers.keys(), shipped)
    models = _overlay({model.id: model for model in file.models}, own_models)
    looked_up = [models[model_id] for model_id in file.looked_up_ids | own_models.keys() if model_id in models]
    models |= {model.id: completed(model, providers.get(model.provider_id), shipped) for model in looked_up}
    catalog = Catalog(
        providers=providers,
        models=models,
        policies={policy.id: policy for policy in file.policies},
        routing_rules=file.routing_rules,
        agents=file.agents,
        experiments=file.experiments,
    )
    rules = default_rules if file.keyword_rules is None else file.keyword_rules
    ignored = [f"models.{model.id}" for model in file.models if model.id in api.models]
    ignored += [f"providers.{provider.id}" for provider in file.providers if provider.id in api.providers]
    return Configuration(
        catalog=catalog,
        classification=Classification(rules, file.added_categories),
        references=references,
        warnings=(
            *file.warnings,
            *(f"{path}: belongs to the API; the file's entry is not used" for path in ignored),
            *_retired(looked_up, providers, shipped),
        ),
        inactive_sections=tuple(dict.fromkeys((*file.inactive_sections, *report.inactive))),
    )


def check_references(configuration: Configuration, problems: ProblemList) -> list[str]:
    """Note each name that must exist and does not. Returns warnings: of models and agents that are only waited for."""
    catalog, classification = configuration.catalog, configuration.classification
    categories = {*BUILT_IN_CATEGORIES, *(category.name for category in classification.added_categories)}
    known = {"provider": catalog.providers.keys(), "policy": catalog.policies.keys(), "category": categories}
    awaited = {"model": catalog.models.keys(), "agent": {agent.name for agent in catalog.agents}}
    warnings = []
    for reference in configuration.references:
        # One that is built in and yet not there was removed through the API.
        is_unknown = _may_be_built_in(reference) and not is_built_in_provider(reference.target)
        built_in = f"; built in are {', '.join((*PROVIDER_IDS, *PROVIDER_ALIASES))}" if is_unknown else ""
        problem = reference.problem(f"there is no {reference.kind} {reference.target!r}{built_in}")
        if reference.kind in awaited and reference.target not in awaited[reference.kind]:
            warnings.append(f"{problem}; it does not apply until there is")
        if reference.kind in known and reference.target not in known[reference.kind]:
            problems.add(problem)
    return warnings


def _built_in_providers(references: Iterable[Reference], decided_ids: Iterable[str], shipped: Shipped) -> dict[str, Provider]:
    """The built-in providers that models name and nobody has made or removed."""
    decided = set(decided_ids)
    names = {reference.target for reference in references if _may_be_built_in(reference) and reference.target not in decided}
    found = {name: built_in_provider(name, shipped) for name in sorted(names)}
    return {name: provider for name, provider in found.items() if provider is not None}


def _may_be_built_in(reference: Reference) -> bool:
    """True for a provider's name in an older file, or in a model of the API's."""
    return reference.kind == "provider" and (reference.may_be_built_in or reference.file == API_ORIGIN)


def _retired(models: Iterable[Model], providers: Mapping[str, Provider], shipped: Shipped) -> Iterator[str]:
    """What is to be said of models that their provider has stopped serving."""
    for model in sorted(models, key=lambda one: one.id):
        offer = offer_of(model, providers.get(model.provider_id), shipped)
        if offer is not None and offer.status is ModelStatus.DISABLED and model.status is ModelStatus.ACTIVE:
            yield f"models.{model.id}: provider {model.provider_id} no longer serves it, says the shipped catalogue"


def _overlay(from_file: Mapping[str, T], own: Mapping[str, T | None]) -> dict[str, T]:
    merged: dict[str, T | None] = {**from_file, **own}
    return {key: entry for key, entry in merged.items() if entry is not None}


def _read_providers(entries: Mapping[str, Plain], report: Report) -> dict[str, Provider | None]:
    found: dict[str, Provider | None] = {}
    for provider_id, place, entry in _places(entries, report, "providers"):
        try:
            found[provider_id] = None if entry is None else read_provider(provider_id, node_from_plain(entry), place)
        except Refused:
            continue
    return found


def _read_models(entries: Mapping[str, Plain], report: Report) -> dict[str, Model | None]:
    found: dict[str, Model | None] = {}
    for model_id, place, entry in _places(entries, report, "models"):
        try:
            found[model_id] = None if entry is None else read_model(node_from_plain(entry), place)
        except Refused:
            continue
    return found


def _places(entries: Mapping[str, Plain], report: Report, section: str) -> Iterable[tuple[str, Place, Plain]]:
    root = Place(report, section, 0)
    return ((key, root.member(key, 0), entry) for key, entry in entries.items())
