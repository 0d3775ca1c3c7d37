"""Reads what classification goes by: added categories in the catalogue, keyword rules in a file of their own."""

import re

from pointsman.registry.core.catalog import Category
from pointsman.registry.core.document import Member, Node
from pointsman.registry.core.fields import Place, Record, Refused, list_of, members_of, refuse_repeats
from pointsman.registry.core.values import number, scalar, text
from pointsman.rules.keyword_rules import (
    BUILT_IN_CATEGORIES,
    MAX_PATTERN_CHARACTER_COUNT,
    MAX_WEIGHT,
    KeywordRule,
    checked_pattern,
    rule_options,
)

CATEGORY_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_CATEGORY_COUNT = 100
MAX_EXAMPLE_COUNT = 1_000
MAX_RULE_COUNT = 5_000
MAX_PATH_LENGTH = 1_024


def read_categories(record: Record) -> tuple[Category, ...]:
    """Read the categories that the catalogue adds."""
    categories = record.optional("categories", list_of(_read_category, max_count=MAX_CATEGORY_COUNT), ())
    refuse_repeats(record.node_of("categories"), record.place_of("categories"), "name")
    return categories


def read_rules_path(node: Node, place: Place) -> str:
    """Read the path of the rules' file: relative to the catalogue, and under its folder."""
    path = text(max_length=MAX_PATH_LENGTH)(node, place)
    if path.startswith(("/", "~")) or "\\" in path or ".." in path.split("/"):
        place.refuse("must be a path under the catalogue's folder")
    return path


def read_keyword_rules(node: Node, place: Place) -> tuple[KeywordRule, ...]:
    """Read a rules file: `rules: {category: {name: {pattern, weight}}}`. Patterns are compiled to be judged."""
    record = Record(node, place)
    rules = record.required("rules", _read_rules_by_category, instead=())
    record.close()
    return rules


def _read_rules_by_category(node: Node, place: Place) -> tuple[KeywordRule, ...]:
    rules: list[KeywordRule] = []
    for category, member in _members_of_some(node, place):
        at = place.member(category, member.line)
        at.refer("category", category)
        try:
            rules += [rule for rule in _read_rules_of(category, member.value, at) if rule is not None]
        except Refused:
            continue
    if len(rules) > MAX_RULE_COUNT:
        place.refuse(f"must be at most {MAX_RULE_COUNT} rules")
    return tuple(rules)


def _members_of_some(node: Node, place: Place) -> list[tuple[str, Member]]:
    """The members of a mapping that may not be empty: without any rule the built-in ones would seem to be in force."""
    members = members_of(node, place)
    if not members:
        place.refuse("must hold at least one rule")
    return members


def _read_rules_of(category: str, node: Node, place: Place) -> list[KeywordRule | None]:
    return [_read_rule(rule, category, member.value, place.member(rule, member.line)) for rule, member in _members_of_some(node, place)]


def _read_rule(rule_name: str, category: str, node: Node, place: Place) -> KeywordRule | None:
    """One rule; None where it is at fault."""
    try:
        record = Record(node, place)
    except Refused:
        return None
    pattern = record.required("pattern", text(max_length=MAX_PATTERN_CHARACTER_COUNT), instead="")
    weight = record.required("weight", number(0, MAX_WEIGHT, above=True), instead=0.0)
    record.close()
    if not pattern or not weight:
        return None
    rule = KeywordRule(rule_name, category, pattern, weight)
    try:
        checked_pattern(rule, rule_options())
    except ValueError as error:
        record.place_of("pattern").note(str(error))
        return None
    return rule


def _read_category(node: Node, place: Place) -> Category:
    record = Record(node, place)
    prose = text(allow_lines=True)
    category = Category(
        name=record.required("name", _read_category_name, instead=""),
        description=record.required("description", prose, instead=""),
        examples=record.required("examples", list_of(prose, min_count=1, max_count=MAX_EXAMPLE_COUNT), instead=()),
    )
    record.close()
    return category


def _read_category_name(node: Node, place: Place) -> str:
    category = scalar(node, place, wanted="a name").text
    if not CATEGORY_NAME.fullmatch(category):
        place.refuse("must be 1 to 64 lower-case letters, digits and underscores, a letter first")
    if category in BUILT_IN_CATEGORIES:
        place.refuse("is a built-in category")
    return category
