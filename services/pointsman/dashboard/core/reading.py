"""Reads JSON that another version of the gateway may have written: what is missing or of another kind is None, never an error."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

MAX_TEXT = 500  # characters of one field that a page shows; a reason is a sentence or two
EMPTY: Mapping[str, object] = {}


def mapping_at(value: object, *path: str) -> Mapping[str, object]:
    """The object there; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else EMPTY


def list_at(value: object, *path: str) -> list[object]:
    """The array there; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def texts_at(value: object, *path: str) -> tuple[str, ...]:
    """The texts of the array there."""
    return tuple(text for item in list_at(value, *path) if (text := as_text(item)) is not None)


def text_at(value: object, *path: str) -> str | None:
    """The text there; None where it is none, or empty."""
    return as_text(at(value, *path))


def number_at(value: object, *path: str) -> float | None:
    """The number there; None where it is none, or not finite."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:  # JSON's integers have no end
        return None
    return number if math.isfinite(number) else None


def truth_at(value: object, *path: str) -> bool | None:
    """True or false there; None where it is neither."""
    found = at(value, *path)
    return found if isinstance(found, bool) else None


def time_at(value: object, *path: str) -> float | None:
    """The time there, seconds of the Unix epoch; None where it is no ISO 8601 time."""
    text = text_at(value, *path)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def at(value: object, *path: str) -> object:
    """What is at the end of the names; None where one of them is missing."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def as_text(value: object) -> str | None:
    """A text of a length that can be shown."""
    if not isinstance(value, str) or not value.strip():
        return None
    return value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}…"
