"""What differs between two configurations, one line per entry and field, for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TypeAlias

from pointsman.registry.core.catalog import Catalog, Classification

MAX_SHOWN_VALUE_LENGTH = 80

Entries: TypeAlias = dict[str, object]


def catalog_diff(before: Catalog, after: Catalog) -> list[str]:
    """Lines such as `models.gpt-4.1.price.input_microusd_per_mtok: 2000000 -> 1000000`."""
    return list(_diff(_catalog_entries(before), _catalog_entries(after)))


def classification_diff(before: Classification, after: Classification) -> list[str]:
    """The same for keyword rules and categories."""
    return list(_diff(_classification_entries(before), _classification_entries(after)))


def _catalog_entries(catalog: Catalog) -> Entries:
    entries: Entries = {f"providers.{key}": provider for key, provider in catalog.providers.items()}
    entries |= {f"models.{key}": model for key, model in catalog.models.items()}
    entries |= {f"policies.{key}": policy for key, policy in catalog.policies.items()}
    entries |= {f"routing_rules[{index}]": rule for index, rule in enumerate(catalog.routing_rules)}
    entries |= {f"agents.{agent.name}": agent for agent in catalog.agents}
    return entries | {f"experiments.{experiment.id}": experiment for experiment in catalog.experiments}


def _classification_entries(classification: Classification) -> Entries:
    entries: Entries = {f"rules.{rule.full_name}": rule for rule in classification.keyword_rules}
    return entries | {f"categories.{category.name}": category for category in classification.added_categories}


def _diff(before: Entries, after: Entries) -> Iterator[str]:
    for path in before:
        if path not in after:
            yield f"{path}: removed"
    for path, entry in after.items():
        if path not in before:
            yield f"{path}: added"
        elif before[path] != entry:
            yield from _field_diff(path, dict(_leaves(before[path])), dict(_leaves(entry)))


def _field_diff(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for field in dict.fromkeys((*before, *after)):
        old, new = before.get(field, "unset"), after.get(field, "unset")
        if old != new:
            yield f"{path}{field}: {old} -> {new}"


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every single value of an entry by its path within it."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif value is not None:
        yield path, _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _shortened("[" + ", ".join(_shown(item) for item in value) + "]")
    return _shortened(str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_VALUE_LENGTH else text[: MAX_SHOWN_VALUE_LENGTH - 1] + "…"
