"""Reads models.json: a list of models, or {"models": [...]}, as other programs write it.

Such files hold more than is wanted here, so that unknown fields are told and not refused. Prices are
taken from `price_usd_per_mtok` and `cost_per_1k_tokens` alone: under any other name the unit would be a guess.
"""

import re
from collections.abc import Iterable, Mapping

from pointsman.registry.core.catalog import Model, Provider
from pointsman.registry.core.catalog_file import CatalogFile
from pointsman.registry.core.document import ListNode, Node, Plain, node_from_plain
from pointsman.registry.core.fields import Place, Reader, Record, Refused, Report, list_of, refuse_repeats
from pointsman.registry.core.model_entries import read_model_id
from pointsman.registry.core.older.model_entries import MODEL_LIST_CAPABILITIES, OlderWords, quality_maximum_of, read_older_model
from pointsman.registry.core.older.providers import older_providers
from pointsman.registry.core.plain_entries import plain_of_model
from pointsman.registry.core.problems import ProblemList
from pointsman.registry.core.shipped import Shipped

# Not even unread: who keeps a secret in a file like this should know.
CREDENTIAL_FIELD = re.compile(r".*(api_?key|secret|password|credential|authorization|bearer)|(.*_)?token", re.IGNORECASE)


class _Unread:
    """Fields that are left unread, told once for each name."""

    def __init__(self) -> None:
        self._first: dict[str, Place] = {}
        self._counts: dict[str, int] = {}

    def leave(self, record: Record) -> None:
        """Take note of what the record holds beyond what was read; a credential is refused."""
        for key, place in record.unread():
            if CREDENTIAL_FIELD.fullmatch(key.replace("-", "_")):
                place.note("must not be here: a secret does not belong in this file")
            self._first.setdefault(key, place)
            self._counts[key] = self._counts.get(key, 0) + 1

    def warnings(self) -> list[str]:
        """One line for each name, at the first place where it stands."""
        return [
            f"{place.report.file}:{place.line}: {place.path}: is not read" + (f", here and in {count - 1} more" if count > 1 else "")
            for key, place in self._first.items()
            if (count := self._counts[key])
        ]


def read_model_list(document: Node, report: Report, *, shipped: Shipped) -> CatalogFile:
    """Read a list of models. Problems and warnings are left in the report."""
    place, unread = Place(report, "", document.line), _Unread()
    try:
        providers, models = _read_document(document, place, unread, shipped)
    except Refused:
        return CatalogFile()
    report.warnings += unread.warnings()
    return CatalogFile(
        providers=providers,
        models=models,
        references=tuple(report.references),
        inactive_sections=tuple(dict.fromkeys(report.inactive)),
        warnings=tuple(report.warnings),
        looked_up_ids=frozenset(model.id for model in models),
    )


def words_of_update(entries: Iterable[Plain]) -> OlderWords:
    """How the entries of one update are to be read: together, as those of one file are."""
    return OlderWords(MODEL_LIST_CAPABILITIES, quality_maximum_of(node_from_plain(entry) for entry in entries))


def model_entry_from_update(entry: Mapping[str, Plain], words: OlderWords) -> Plain:
    """An entry of models.json in the catalogue file's shape. Raises CatalogInvalid, also for an unknown field."""
    problems = ProblemList()
    try:
        record = Record(node_from_plain(entry), Place(Report("", problems), "", 0))
        model = _read_entry(record, words)
        record.close()
    except Refused:
        model = None
    problems.raise_any()
    if model is None:
        raise AssertionError("an entry that is no model has a problem")
    return plain_of_model(model)


def _read_document(document: Node, place: Place, unread: _Unread, shipped: Shipped) -> tuple[tuple[Provider, ...], tuple[Model, ...]]:
    if isinstance(document, ListNode):
        models = _entries_reader(document, unread)(document, place)
        refuse_repeats(document, place, "id")
        return (), models
    record = Record(document, place)
    node = record.node_of("models")
    providers = record.optional("providers", older_providers(shipped), ())
    models = record.required("models", _entries_reader(node, unread), instead=())
    refuse_repeats(node, record.place_of("models"), "id")
    unread.leave(record)
    return providers, models


def _entries_reader(entries: Node | None, unread: _Unread) -> Reader[tuple[Model, ...]]:
    items = entries.items if isinstance(entries, ListNode) else ()
    words = OlderWords(MODEL_LIST_CAPABILITIES, quality_maximum_of(iter(items)))

    def read_entry(node: Node, place: Place) -> Model:
        reference_count = len(place.report.references)
        record = Record(node, place)
        model = _read_entry(record, words)
        unread.leave(record)
        place.report.own_references(model.id, since=reference_count)
        return model

    return list_of(read_entry)


def _read_entry(record: Record, words: OlderWords) -> Model:
    return read_older_model(record.required("id", read_model_id, instead=""), record, words)
