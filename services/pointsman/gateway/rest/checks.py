"""Checks of single values in a JSON body. Each raises InvalidArgument that names the field and what it takes, never the value."""

import json
import re

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject
from pointsman.kit.json_loader import JsonValue

# Letters of any script, but nothing that breaks a header or a log line.
MODEL_NAME = re.compile(r"[^\s\x00-\x20\x7f-\x9f]{1,256}")


def refuse(param: str, expectation: str) -> InvalidArgument:
    """The refusal of a value."""
    return InvalidArgument("invalid_value", f"{param}: {expectation}", param=param)


def check_integer(value: JsonValue, param: str, *, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise refuse(param, f"a whole number from {least} to {most} is asked for")
    return value


def check_number(value: JsonValue, param: str, *, least: float, most: float) -> float:
    """A number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise refuse(param, f"a number from {least:g} to {most:g} is asked for")
    return value


def check_boolean(value: JsonValue, param: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise refuse(param, "true or false is asked for")
    return value


def check_text(value: JsonValue, param: str, *, most_characters: int) -> str:
    """A string that is not longer."""
    if not isinstance(value, str) or len(value) > most_characters:
        raise refuse(param, f"a string of at most {most_characters} characters is asked for")
    return value


def check_object(value: JsonValue, param: str) -> JsonObject:
    """An object."""
    if not isinstance(value, dict):
        raise refuse(param, "an object is asked for")
    return value


def check_list(value: JsonValue, param: str, *, least: int = 0, most: int) -> list[JsonValue]:
    """A list of so many entries."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise refuse(param, f"a list of {least} to {most} entries is asked for")
    return value


def check_model_name(value: JsonValue, param: str) -> str:
    """A model's name: without blanks and control characters."""
    if not isinstance(value, str) or MODEL_NAME.fullmatch(value) is None:
        raise refuse(param, "a name of 1 to 256 characters without blanks is asked for")
    return value


def check_size(value: JsonValue, param: str, *, most_bytes: int, most_depth: int) -> None:
    """Not larger as JSON, and not nested deeper."""
    if len(json.dumps(value, ensure_ascii=False).encode()) > most_bytes:
        raise refuse(param, f"at most {most_bytes} bytes of JSON are taken")
    if depth_of(value) > most_depth:
        raise refuse(param, f"at most {most_depth} levels are taken")


def depth_of(value: JsonValue) -> int:
    """How deep lists and objects are nested; 0 for a plain value. The loader has bounded it."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0
