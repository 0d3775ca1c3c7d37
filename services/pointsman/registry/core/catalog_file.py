"""Reads a whole catalogue file, and its rules file, into values; tells everything that is wrong with them at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from pointsman.registry.core.access_entries import check_access_sections
from pointsman.registry.core.catalog import Agent, Category, Experiment, Model, Policy, Provider, RoutingRule
from pointsman.registry.core.classification_entries import read_categories, read_keyword_rules, read_rules_path
from pointsman.registry.core.document import Node
from pointsman.registry.core.fields import Place, Reader, Record, Reference, Refused, Report, key_node, list_of, members_of, refuse_repeats
from pointsman.registry.core.model_entries import read_model
from pointsman.registry.core.provider_entries import read_provider
from pointsman.registry.core.routing_entries import (
    BUILT_IN_POLICIES,
    read_agent,
    read_experiment,
    read_policy,
    read_policy_id,
    read_routing_rule,
)
from pointsman.registry.core.values import integer, name
from pointsman.rules.keyword_rules import KeywordRule

SCHEMA_VERSION = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """What one reading of the files gives. `references` are checked where the whole catalogue is known."""

    providers: tuple[Provider, ...] = ()
    models: tuple[Model, ...] = ()
    policies: tuple[Policy, ...] = BUILT_IN_POLICIES
    routing_rules: tuple[RoutingRule, ...] = ()
    agents: tuple[Agent, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    added_categories: tuple[Category, ...] = ()
    keyword_rules: tuple[KeywordRule, ...] | None = None  # None: the built-in ones
    references: tuple[Reference, ...] = ()
    inactive_sections: tuple[str, ...] = ()  # valid parts in use that nothing acts on yet
    warnings: tuple[str, ...] = ()
    looked_up_ids: frozenset[str] = frozenset()  # models whose missing facts the shipped catalogue may know


def rules_path_of(document: Node) -> str | None:
    """The rules file that a catalogue names; None where it names none, or names it wrongly."""
    try:
        place = Place(Report(""), "", 0)
        classification = Record(document, place).optional("classification", Record)
        return None if classification is None else classification.optional("rules", read_rules_path)
    except Refused:
        return None


def read_catalog_file(document: Node, report: Report, *, rules: Node | None, rules_report: Report | None) -> CatalogFile:
    """Read the catalogue and its rules. Problems are left in the reports; the value is whole only without any."""
    try:
        record = Record(document, Place(report, "", document.line))
    except Refused:
        return CatalogFile()
    record.required("schema_version", integer(SCHEMA_VERSION, SCHEMA_VERSION), instead=SCHEMA_VERSION)
    categories = _read_classification(record)
    keyword_rules = None if rules is None or rules_report is None else _read_rules(rules, rules_report)
    check_access_sections(record)
    entries = CatalogFile(
        providers=record.optional("providers", _read_providers, ()),
        models=record.required("models", list_of(_read_owned_model), instead=()),
        policies=record.optional("policies", _read_policies, BUILT_IN_POLICIES),
        routing_rules=record.optional("routing_rules", list_of(read_routing_rule), ()),
        agents=record.optional("agents", list_of(read_agent), ()),
        experiments=record.optional("experiments", list_of(read_experiment), ()),
        added_categories=categories,
        keyword_rules=keyword_rules,
    )
    for section, id_field in {"models": "id", "agents": "name", "experiments": "id"}.items():
        refuse_repeats(record.node_of(section), record.place_of(section), id_field)
    record.close()
    references = (*report.references, *(rules_report.references if rules_report is not None else ()))
    return replace(entries, references=references, inactive_sections=tuple(dict.fromkeys(report.inactive)))


def _read_owned_model(node: Node, place: Place) -> Model:
    reference_count = len(place.report.references)
    model = read_model(node, place)
    place.report.own_references(model.id, since=reference_count)
    return model


def _read_classification(record: Record) -> tuple[Category, ...]:
    classification = record.optional("classification", Record)
    if classification is None:
        return ()
    classification.optional("rules", read_rules_path)
    categories = read_categories(classification)
    classification.close()
    return categories


def _read_rules(document: Node, report: Report) -> tuple[KeywordRule, ...]:
    try:
        return read_keyword_rules(document, Place(report, "", document.line))
    except Refused:
        return ()


def _read_providers(node: Node, place: Place) -> tuple[Provider, ...]:
    return read_by_key(node, place, read_provider, read_key=name())


def _read_policies(node: Node, place: Place) -> tuple[Policy, ...]:
    """Policies; the built-in ones where the mapping is empty."""
    policies = read_by_key(node, place, read_policy, read_key=read_policy_id)
    if policies and sum(policy.is_default for policy in policies) != 1:
        place.note("must have exactly one policy with default: true")
    return policies or BUILT_IN_POLICIES


def read_by_key(node: Node, place: Place, read: Callable[[str, Node, Place], T], *, read_key: Reader[str]) -> tuple[T, ...]:
    """Read a mapping's members, whose keys are their ids; refused ones are left out and their problems kept."""
    found = []
    for key, member in members_of(node, place):
        at = place.member(key, member.line)
        try:
            found.append(read(read_key(key_node(key, member.line), at), member.value, at))
        except Refused:
            continue
    return tuple(found)
