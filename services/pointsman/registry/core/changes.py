"""Changes of the catalogue that come through the API: what they do, and which are refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Catalog
from pointsman.registry.core.catalog_file import CatalogFile
from pointsman.registry.core.document import Plain, node_from_plain
from pointsman.registry.core.fields import Place, Refused, Report
from pointsman.registry.core.model_entries import read_model
from pointsman.registry.core.problems import EntryInUse, EntryUnknown, ManagedByFile, ProblemList, VersionConflict, VersionMissing
from pointsman.registry.core.provider_entries import read_provider
from pointsman.registry.core.snapshot import Version
from pointsman.registry.core.values import name


class EntryKind(StrEnum):
    """What an entry is."""

    MODEL = "model"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class PutEntry:
    """Adds an entry, or replaces the one with its id. `entry` has the catalogue file's shape."""

    kind: EntryKind
    id: str
    entry: Plain


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    """Removes the entry with that id."""

    kind: EntryKind
    id: str


Change: TypeAlias = PutEntry | DeleteEntry


def check_base_version(base: Version, newest: Version) -> None:
    """Raises VersionMissing where no version is named, VersionConflict where it is not the newest."""
    if not base.epoch and base.number == 0:
        raise VersionMissing("base_version: is missing; name the version that the change was made against")
    if base.epoch != newest.epoch:
        raise VersionConflict(f"base_version: is of another registry's history; here the newest is {newest.number} of epoch {newest.epoch}")
    if base != newest:
        raise VersionConflict(f"base_version: the change was made against version {base.number}, the newest is {newest.number}")


def check_entries(changes: Sequence[Change]) -> None:
    """Judge each entry by itself. Raises CatalogInvalid with every fault, as in "changes[0].put_model.id"."""
    problems = ProblemList()
    report = Report("", problems)
    for index, change in enumerate(changes):
        if isinstance(change, PutEntry):
            _check_entry(change, Place(report, f"changes[{index}].put_{change.kind}", 0))
    problems.raise_any()


def _check_entry(change: PutEntry, place: Place) -> None:
    node = node_from_plain(change.entry)
    try:
        if change.kind is EntryKind.MODEL:
            read_model(node, place)
        else:
            name()(node_from_plain(change.id), place.member("id", 0))
            read_provider(change.id, node, place)
    except Refused:
        return


def apply_to_entries(changes: Sequence[Change], *, file: CatalogFile, api: ApiEntries, adopt: bool) -> ApiEntries:
    """The API's entries after the changes, applied in order.

    Raises ManagedByFile where an entry belongs to the file and `adopt` is false, EntryUnknown where
    there is nothing to delete.
    """
    file_ids = {
        EntryKind.MODEL: {model.id for model in file.models},
        EntryKind.PROVIDER: {provider.id for provider in file.providers},
    }
    own = {EntryKind.MODEL: dict(api.models), EntryKind.PROVIDER: dict(api.providers)}
    for change in changes:
        entries, in_file = own[change.kind], change.id in file_ids[change.kind]
        exists = in_file if change.id not in entries else entries[change.id] is not None
        if in_file and change.id not in entries and not adopt:
            raise ManagedByFile(f"{change.kind} {change.id!r} belongs to the catalogue file; adopt makes it the API's for good")
        if isinstance(change, PutEntry):
            entries[change.id] = change.entry
        elif not exists:
            raise EntryUnknown(f"{change.kind} {change.id!r} does not exist")
        elif in_file:
            entries[change.id] = None  # kept, lest the file bring it back
        else:
            del entries[change.id]
    return ApiEntries(providers=own[EntryKind.PROVIDER], models=own[EntryKind.MODEL])


def check_shrink(before: Catalog, after: Catalog) -> None:
    """Raises EntryInUse where more than half of the models would go: most likely a mistake."""
    lost = before.models.keys() - after.models.keys()
    if 2 * len(lost) > len(before.models):
        raise EntryInUse(f"models: {len(lost)} of {len(before.models)} would go, which only force allows")


def check_removed_models(before: Catalog, after: Catalog) -> None:
    """Raises EntryInUse where a rule, an agent or an experiment names a model that would go."""
    lost = before.models.keys() - after.models.keys()
    named = {model_id for rule in after.routing_rules for model_id in (*rule.preferred_model_ids, *rule.fallback_model_ids)}
    named |= {agent.model_id for agent in after.agents if agent.model_id is not None}
    named |= {arm.model_id for experiment in after.experiments for arm in experiment.arms}
    if in_use := sorted(lost & named):
        raise EntryInUse(f"model {in_use[0]!r} is named by a rule, an agent or an experiment; only force removes it")


def check_removed_providers(changes: Sequence[Change], *, file: CatalogFile, api: ApiEntries) -> None:
    """Raises EntryInUse where a model of what the changes make would lose its provider; nothing allows that."""
    removed = {change.id for change in changes if isinstance(change, DeleteEntry) and change.kind is EntryKind.PROVIDER}
    removed -= {provider_id for provider_id, entry in api.providers.items() if entry is not None}
    providers = {model.id: model.provider_id for model in file.models if model.id not in api.models}
    providers |= {model_id: str(entry.get("provider")) for model_id, entry in api.models.items() if isinstance(entry, Mapping)}
    for model_id, provider_id in sorted(providers.items()):
        if provider_id in removed:
            raise EntryInUse(f"provider {provider_id!r} is used by model {model_id!r}")
