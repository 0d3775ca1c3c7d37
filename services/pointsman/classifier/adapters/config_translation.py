"""The registry's configuration in the core's words."""

from pointsman.api.config.v1 import config_pb2
from pointsman.classifier.core.setup import NewCategory, NewSetup
from pointsman.rules.keyword_rules import KeywordRule


def setup_of(config: config_pb2.ClassificationConfig) -> NewSetup:
    """What a snapshot says; whether it can be used is told by who applies it."""
    rules = (KeywordRule(rule.name, rule.category, rule.pattern, rule.weight) for rule in config.keyword_rules)
    categories = (NewCategory(category.name, category.description, tuple(category.examples)) for category in config.added_categories)
    return NewSetup(tuple(rules), tuple(categories))
