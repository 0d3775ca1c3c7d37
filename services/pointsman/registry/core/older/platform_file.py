"""Reads the platform shape: models and routing rules as mappings by id and task."""

from pointsman.registry.core.catalog import Model, RoutingRule
from pointsman.registry.core.catalog_file import CatalogFile, read_by_key
from pointsman.registry.core.document import ListNode, Node
from pointsman.registry.core.fields import Place, Reader, Record, Refused, Report, list_of, members_of
from pointsman.registry.core.model_entries import read_model_id
from pointsman.registry.core.older.model_entries import PLATFORM_CAPABILITIES, OlderWords, quality_maximum_of, read_older_model
from pointsman.registry.core.older.providers import older_providers
from pointsman.registry.core.routing_entries import MAX_MODEL_COUNT, read_model_reference
from pointsman.registry.core.shipped import Shipped
from pointsman.registry.core.values import name


def read_platform_file(document: Node, report: Report, *, shipped: Shipped) -> CatalogFile:
    """Read a platform's models, rules and providers. Problems are left in the report."""
    try:
        record = Record(document, Place(report, "", document.line))
    except Refused:
        return CatalogFile()
    providers = record.optional("providers", older_providers(shipped), ())
    models = record.required("models", _read_models, instead=())
    rules = record.optional("routing_rules", _read_rules, ())
    record.close()
    return CatalogFile(
        providers=providers,
        models=models,
        routing_rules=rules,
        references=tuple(report.references),
        inactive_sections=tuple(dict.fromkeys(report.inactive)),
        looked_up_ids=frozenset(model.id for model in models),
    )


def _read_models(node: Node, place: Place) -> tuple[Model, ...]:
    words = OlderWords(PLATFORM_CAPABILITIES, quality_maximum_of(member.value for _, member in members_of(node, place)))

    def read_model(model_id: str, entry: Node, at: Place) -> Model:
        reference_count = len(at.report.references)
        record = Record(entry, at)
        model = read_older_model(model_id, record, words)
        record.close()
        at.report.own_references(model_id, since=reference_count)
        return model

    return read_by_key(node, place, read_model, read_key=read_model_id)


def _read_rules(node: Node, place: Place) -> tuple[RoutingRule, ...]:
    """Rules by task, or a list of them."""
    if isinstance(node, ListNode):
        return list_of(_read_listed_rule)(node, place)
    return read_by_key(node, place, _read_rule, read_key=name())


def _read_listed_rule(node: Node, place: Place) -> RoutingRule:
    record = Record(node, place)
    task = record.required("task", name(), instead="")
    return _rule_of(task, record)


def _read_rule(task: str, node: Node, place: Place) -> RoutingRule:
    return _rule_of(task, Record(node, place))


def _rule_of(task: str, record: Record) -> RoutingRule:
    models: Reader[tuple[str, ...]] = list_of(read_model_reference, max_count=MAX_MODEL_COUNT)
    rule = RoutingRule(
        task=task,
        preferred_model_ids=record.required("preferred_models", models, instead=()),
        fallback_model_ids=record.optional("fallback_models", models, ()),
    )
    record.close()
    return rule
