"""Keyword rules as a YAML document: `rules: {category: {name: {pattern, weight}}}`."""

from importlib import resources

import yaml

from pointsman.rules.keyword_rules import InvalidRules, KeywordRule, RuleSet, compile_rules

DEFAULT_RULES_FILE = "default_rules.yaml"
FIELDS = frozenset({"pattern", "weight"})


def parse_rules(document: object) -> tuple[KeywordRule, ...]:
    """Rules of a document as YAML or JSON gives it. Raises InvalidRules with every fault found.

    Whether the patterns can be used is told by compile_rules.
    """
    if not isinstance(document, dict) or set(document) != {"rules"} or not isinstance(document["rules"], dict):
        raise InvalidRules(["rules: must be one mapping by category under the key 'rules'"])
    rules: list[KeywordRule] = []
    problems: list[str] = []
    for category, entries in document["rules"].items():
        if not isinstance(category, str) or not isinstance(entries, dict):
            problems.append(f"rules.{category}: must be a mapping of rules by name")
            continue
        for name, entry in entries.items():
            try:
                rules.append(parse_rule(category, name, entry))
            except ValueError as error:
                problems.append(f"rules.{category}.{name}: {error}")
    if problems:
        raise InvalidRules(problems)
    return tuple(rules)


def parse_rule(category: str, name: object, entry: object) -> KeywordRule:
    """One rule. Raises ValueError with what is wrong with it."""
    if not isinstance(name, str):
        raise ValueError("the name must be text")
    if not isinstance(entry, dict) or set(entry) != FIELDS:
        raise ValueError("must have a pattern and a weight, and nothing else")
    pattern, weight = entry["pattern"], entry["weight"]
    if not isinstance(pattern, str):
        raise ValueError("pattern: must be text")
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise ValueError("weight: must be a number")
    return KeywordRule(name, category, pattern, float(weight))


def default_rules() -> tuple[KeywordRule, ...]:
    """The rules that come with the product."""
    text = resources.files("pointsman.rules").joinpath(DEFAULT_RULES_FILE).read_text(encoding="utf-8")
    return parse_rules(yaml.safe_load(text))


def load_default_rules() -> RuleSet:
    """The rules that come with the product, compiled."""
    return compile_rules(default_rules())
