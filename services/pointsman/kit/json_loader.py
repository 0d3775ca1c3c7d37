"""The one way in which JSON from outside is read, and the way in which it is written.

Stricter than the standard library's: it refuses what two parsers may read differently (duplicate
keys, NaN, lone surrogates), and what costs more than it can be worth (depth, number of values,
digits). The scanner is the standard library's, in C; what is checked in Python is checked only where
a cheap count of bytes says that it could matter.
"""

import json
import math
import re
from typing import NoReturn, TypeAlias

from pointsman.kit.errors import InvalidArgument

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

# A tool's JSON schema 16 deep, inside its message, fits four times over; recursion starts to hurt at about 1,000.
MAX_DEPTH = 64
# 2,048 messages of some fields each, or 10,000 of anything else; a 4 MiB body could hold 2,000,000.
MAX_NODES = 10_000
# Floats have at most 24 characters when printed to the last bit; some print decimals in full.
MAX_NUMBER_CHARACTERS = 400
MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1
_MAX_INT64_CHARACTERS = len(str(MIN_INT64))

# A string to its end or the data's, else one mark of structure. Possessive, so linear on any input.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
# For each value at most: a bracket opened, one closed, a comma, a key and a string.
_MAX_TOKENS = 5 * MAX_NODES
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def load_json(data: bytes) -> JsonValue:
    """The value that the bytes hold.

    Raises InvalidArgument: "invalid_json" where they are no JSON, "invalid_value" where they are but
    hold what is refused. The message says where, and repeats nothing of what was sent.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument("invalid_json", f"body is not UTF-8 at byte {error.start}") from None
    if not text or text.isspace():
        raise InvalidArgument("invalid_json", "body is empty")
    _require_bounded_structure(data)
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        said = error.msg.removesuffix(" at").removesuffix(" starting").lower()
        raise InvalidArgument("invalid_json", f"body is not JSON at character {error.pos}: {said}") from None
    if _SURROGATE_ESCAPE.search(data) and _holds_lone_surrogate(value):
        raise InvalidArgument("invalid_value", "body holds half of a surrogate pair, which is no character")
    return value


def dump_json(value: object) -> bytes:
    """Compact JSON in UTF-8.

    Raises TypeError for what is no JSON value, ValueError for NaN and infinities.
    """
    return _ENCODER.encode(value).encode()


def _require_bounded_structure(data: bytes) -> None:
    openings = data.count(b"[") + data.count(b"{")
    if openings <= MAX_DEPTH and openings + data.count(b",") < MAX_NODES:
        return  # even if none of them stood in a string
    depth, nodes = 0, 1
    for count, token in enumerate(_TOKEN.finditer(data)):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                nodes += 1
            case b"]" | b"}":
                depth -= 1
            case b",":
                nodes += 1
        if depth > MAX_DEPTH:
            raise InvalidArgument("invalid_json", f"body is nested deeper than {MAX_DEPTH}")
        if nodes > MAX_NODES or count > _MAX_TOKENS:
            raise InvalidArgument("invalid_value", f"body holds more than {MAX_NODES} values")


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidArgument("invalid_json", "body holds an object with the same key twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) <= _MAX_INT64_CHARACTERS and MIN_INT64 <= (value := int(digits)) <= MAX_INT64:
        return value
    raise InvalidArgument("invalid_value", "body holds an integer beyond 64 bits")


def _float(digits: str) -> float:
    if len(digits) <= MAX_NUMBER_CHARACTERS and math.isfinite(value := float(digits)):
        return value
    raise InvalidArgument("invalid_value", "body holds a number beyond the range of a double")


def _constant(_name: str) -> NoReturn:
    raise InvalidArgument("invalid_json", "body holds NaN or an infinity, which JSON has not")


def _holds_lone_surrogate(value: JsonValue) -> bool:
    try:
        _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        return True
    return False


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
