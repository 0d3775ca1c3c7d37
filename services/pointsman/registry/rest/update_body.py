"""The body of an update, as changes of the catalogue."""

from collections.abc import Mapping
from typing import cast

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject
from pointsman.kit.json_loader import JsonValue
from pointsman.registry.core.changes import Change, EntryKind, PutEntry
from pointsman.registry.core.document import Plain
from pointsman.registry.core.older.model_entries import OlderWords
from pointsman.registry.core.older.model_list_file import model_entry_from_update, words_of_update
from pointsman.registry.core.problems import CatalogInvalid, Problem, ProblemList
from pointsman.registry.engine.configuration_keeper import MAX_CHANGE_COUNT

FIELDS = frozenset({"models", "adopt"})
FLAGS = {"true": True, "false": False}


def changes_in(body: JsonObject) -> list[Change]:
    """One change for each model. Raises InvalidArgument, CatalogInvalid with every fault of every model."""
    if unknown := sorted(body.keys() - FIELDS):
        raise InvalidArgument("unknown_field", f"{unknown[0]}: is no field of an update; models and adopt are", param=unknown[0])
    models = body.get("models")
    if not isinstance(models, list) or not 1 <= len(models) <= MAX_CHANGE_COUNT:
        raise InvalidArgument("invalid_value", f"models: must be a list of 1 to {MAX_CHANGE_COUNT}", param="models")
    words = words_of_update(cast(list[Plain], models))
    problems = ProblemList()
    changes: dict[str, Change] = {}
    for index, model in enumerate(models):
        change = change_of(model, index, words, problems)
        if change is not None and change.id in changes:  # which of them is meant, nobody knows
            problems.add(Problem("", 0, f"models[{index}].id", "is there twice"))
        elif change is not None:
            changes[change.id] = change
    problems.raise_any()
    return list(changes.values())


def adopt_in(body: JsonObject, query: str | None) -> bool:
    """Whether entries of the file become the API's: as body or address say. Raises InvalidArgument where they differ or say nonsense."""
    asked = [body.get("adopt"), None if query is None else FLAGS.get(query, query)]
    given = [value for value in asked if value is not None]
    if not all(isinstance(value, bool) for value in given) or (True in given and False in given):
        raise InvalidArgument("invalid_value", "adopt: must be true or false, the same in body and address", param="adopt")
    return True in given


def change_of(model: JsonValue, index: int, words: OlderWords, problems: ProblemList) -> Change | None:
    """The model's change; None, with its problems added, where it is no model."""
    if not isinstance(model, dict):
        problems.add(Problem("", 0, f"models[{index}]", "must be an object"))
        return None
    try:
        entry = cast(Mapping[str, Plain], model_entry_from_update(cast(Mapping[str, Plain], model), words))
    except CatalogInvalid as error:
        for problem in error.problems:
            problems.add(Problem("", 0, f"models[{index}].{problem.path}".rstrip("."), problem.message))
        return None
    return PutEntry(EntryKind.MODEL, str(entry["id"]), entry)
