"""The body of an update, as changes of the catalogue."""

from collections.abc import Mapping
from typing import cast

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject
from pointsman.kit.json_loader import JsonValue
from pointsman.registry.core.changes import Change, EntryKind, PutEntry
from pointsman.registry.core.document import Plain
from pointsman.registry.core.model_list_file import model_entry_from_update
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
    problems = ProblemList()
    changes = [change for index, model in enumerate(models) for change in change_of(model, index, problems)]
    refuse_repeats(changes, problems)
    problems.raise_any()
    return changes


def adopt_in(body: JsonObject, query: str | None) -> bool:
    """Whether entries of the file become the API's: as body or address say. Raises InvalidArgument where they differ or say nonsense."""
    given = {value for value in (body.get("adopt"), None if query is None else FLAGS.get(query, query)) if value is not None}
    if not given <= {True, False} or len(given) > 1 or not all(isinstance(value, bool) for value in given):
        raise InvalidArgument("invalid_value", "adopt: must be true or false, the same in body and address", param="adopt")
    return True in given


def change_of(model: JsonValue, index: int, problems: ProblemList) -> list[Change]:
    """The model's change; none, with its problems added, where it is no model."""
    if not isinstance(model, dict):
        problems.add(Problem("", 0, f"models[{index}]", "must be an object"))
        return []
    try:
        entry = cast(Mapping[str, Plain], model_entry_from_update(cast(Mapping[str, Plain], model)))
    except CatalogInvalid as error:
        for problem in error.problems:
            problems.add(Problem("", 0, f"models[{index}].{problem.path}".rstrip("."), problem.message))
        return []
    return [PutEntry(EntryKind.MODEL, str(entry["id"]), entry)]


def refuse_repeats(changes: list[Change], problems: ProblemList) -> None:
    """Note each model that is there twice: which of them is meant, nobody knows."""
    seen: set[str] = set()
    for index, change in enumerate(changes):
        if change.id in seen:
            problems.add(Problem("", 0, f"models[{index}].id", "is there twice"))
        seen.add(change.id)
