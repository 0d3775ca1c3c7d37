"""Which of the shapes that a catalogue may have a document is in, by what it holds."""

from enum import Enum

from pointsman.registry.core.document import ListNode, MapNode, Node

# Sections that the catalogue's own shape alone has, so that a file of it without a version is told so.
CATALOG_SECTIONS = frozenset(
    {"policies", "routing_rules", "classification", "agents", "experiments", "projects", "budgets", "keys", "oidc", "alerts"}
)


class Shape(Enum):
    """What a document's entries look like."""

    CATALOG = "catalog"
    PLATFORM = "platform"  # `models:` is a mapping by id
    MODEL_LIST = "model list"  # a list, or {"models": [...]} and no version


def shape_of(document: Node) -> Shape:
    """The document's shape; the catalogue's own where nothing speaks for another."""
    if isinstance(document, ListNode):
        return Shape.MODEL_LIST
    if not isinstance(document, MapNode) or "schema_version" in document.members or "models" not in document.members:
        return Shape.CATALOG
    models = document.members["models"].value
    if isinstance(models, MapNode):
        return Shape.PLATFORM
    if isinstance(models, ListNode) and not CATALOG_SECTIONS & document.members.keys():
        return Shape.MODEL_LIST
    return Shape.CATALOG
