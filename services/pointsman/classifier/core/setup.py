"""What a configuration makes the classifier go by: keyword rules and added categories, whole and unchanging."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.classifier.core.similarity import AddedCategory
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, KeywordRule, RuleSet

VERSION_LENGTH = 12


class InvalidCategories(Exception):
    """Added categories that cannot be used; the message names each and why."""


@dataclass(frozen=True, slots=True)
class NewCategory:
    """A category that needs no training, as a catalogue brings it."""

    name: str
    description: str
    examples: tuple[str, ...]

    @property
    def known_texts(self) -> tuple[str, ...]:
        """What prompts are compared with: its examples, and its description, where it has one."""
        return (*self.examples, self.description) if self.description else self.examples


@dataclass(frozen=True, slots=True)
class NewSetup:
    """A configuration as it comes. No rules: the built-in ones."""

    rules: tuple[KeywordRule, ...]
    categories: tuple[NewCategory, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What is in force. A request sees one from start to end."""

    rules: RuleSet
    added: tuple[AddedCategory, ...]
    version: str  # a word that changes whenever a rule or an added category does

    @property
    def categories(self) -> tuple[str, ...]:
        """Built in, then added, each once."""
        return tuple(dict.fromkeys((*self.rules.categories, *(category.name for category in self.added))))


def setup_version(rules: RuleSet, categories: Sequence[NewCategory]) -> str:
    """Version of a setup made of these."""
    if not categories:
        return rules.version
    parts = repr([(category.name, category.known_texts) for category in categories])
    return hashlib.sha256(f"{rules.version} {parts}".encode()).hexdigest()[:VERSION_LENGTH]


def check_categories(categories: Sequence[NewCategory]) -> None:
    """Raise InvalidCategories for a name that is taken or a category without anything to compare with."""
    problems: list[str] = []
    taken = set(BUILT_IN_CATEGORIES)
    for category in categories:
        if category.name in taken or not category.name:
            problems.append(f"category {category.name!r}: the name is empty or taken")
        if not category.examples:
            problems.append(f"category {category.name!r}: needs at least one example")
        taken.add(category.name)
    if problems:
        raise InvalidCategories("; ".join(problems))
