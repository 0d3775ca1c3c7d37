"""Readers of single values: text, names, numbers, money, choices, references to secrets."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeVar

from pointsman.registry.core.document import DECIMAL, FALSES, INTEGER, NOT_FINITE, TRUES, Node, ScalarNode
from pointsman.registry.core.fields import Place, Reader

E = TypeVar("E", bound=Enum)

MAX_NAME_LENGTH = 128
MAX_TEXT_LENGTH = 100_000
MAX_PRICE_USD_PER_MTOK = 1_000_000
MICROUSD_PER_USD = 1_000_000
NANOUSD_PER_USD = 1_000_000_000

SECRET_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:[^\s\x00-\x1f\x7f]{1,1024}")
ENVIRONMENT_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,127}")
# The program's own settings, the service token among them: who may add a provider could have them sent to himself.
OWN_REFERENCE = re.compile(r"env:POINTSMAN_", re.IGNORECASE)
DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_storable(text: str, *, allow_lines: bool) -> bool:
    """True for text without control characters (line breaks and tabs where allowed) and lone surrogates."""
    allowed = "\n\r\t" if allow_lines else ""
    return all(
        (letter >= " " and letter != "\x7f" and not "\x80" <= letter <= "\x9f" and not "\ud800" <= letter <= "\udfff") or letter in allowed
        for letter in text
    )


def scalar(node: Node, place: Place, *, wanted: str) -> ScalarNode:
    """The node as a single value. Raises Refused where it is a list or a mapping."""
    if not isinstance(node, ScalarNode):
        place.refuse(f"must be {wanted}")
    return node


def text(*, max_length: int = MAX_TEXT_LENGTH, allow_lines: bool = False) -> Reader[str]:
    """Reads text of at least one character."""

    def read_text(node: Node, place: Place) -> str:
        value = scalar(node, place, wanted="text")
        if not value.is_text:
            place.refuse("must be text; put it in quotes")
        if not 1 <= len(value.text) <= max_length:
            place.refuse(f"must have 1 to {max_length} characters")
        if not is_storable(value.text, allow_lines=allow_lines):
            place.refuse("must not hold control characters")
        return value.text

    return read_text


def name(*, max_length: int = MAX_NAME_LENGTH) -> Reader[str]:
    """Reads a name: short text on one line, without blanks at its ends."""
    read_short = text(max_length=max_length)

    def read_name(node: Node, place: Place) -> str:
        value = read_short(node, place)
        if value != value.strip():
            place.refuse("must not begin or end with a blank")
        return value

    return read_name


def flag(node: Node, place: Place) -> bool:
    """Read true or false."""
    value = scalar(node, place, wanted="true or false")
    if not value.is_plain or value.text not in TRUES | FALSES:
        place.refuse("must be true or false")
    return value.text in TRUES


def number(minimum: float, maximum: float, *, above: bool = False) -> Reader[float]:
    """Reads a finite number from `minimum` (left out where `above`) to `maximum`."""

    def read_number(node: Node, place: Place) -> float:
        value = float(_decimal(node, place, minimum, maximum))
        if above and value <= minimum:
            place.refuse(f"must be above {minimum:g}")
        return value

    return read_number


def integer(minimum: int, maximum: int) -> Reader[int]:
    """Reads a whole number from `minimum` to `maximum`."""

    def read_integer(node: Node, place: Place) -> int:
        value = scalar(node, place, wanted="a whole number")
        if not (value.is_plain and INTEGER.fullmatch(value.text)):
            place.refuse("must be a whole number")
        found = int(value.text)
        _check_range(Decimal(found), place, minimum, maximum)
        return found

    return read_integer


def money(*, units_per_usd: int, maximum_usd: int) -> Reader[int]:
    """Reads US dollars, exactly, as a whole count of units (micro-dollars, nano-dollars)."""

    def read_money(node: Node, place: Place) -> int:
        # Not by Decimal's arithmetic, which rounds to 28 digits.
        units = Fraction(_decimal(node, place, 0, maximum_usd)) * units_per_usd
        if units.denominator != 1:
            place.refuse(f"must have at most {len(str(units_per_usd)) - 1} decimals")
        return int(units)

    return read_money


def choice(kind: type[E]) -> Reader[E]:
    """Reads one word of an enum."""
    return word({str(member.value): member for member in kind})


def word(words: Mapping[str, E]) -> Reader[E]:
    """Reads one of the words."""

    def read_word(node: Node, place: Place) -> E:
        value = scalar(node, place, wanted="a word")
        if value.text not in words:
            place.refuse(f"must be one of {', '.join(words)}")
        return words[value.text]

    return read_word


def one_of(*words: str) -> Reader[str]:
    """Reads one of the words, as text."""

    def read_one_of(node: Node, place: Place) -> str:
        value = scalar(node, place, wanted="a word")
        if value.text not in words:
            place.refuse(f"must be one of {', '.join(words)}")
        return value.text

    return read_one_of


def day(node: Node, place: Place) -> str:
    """Read a day as "YYYY-MM-DD"."""
    value = scalar(node, place, wanted="a day").text
    match = DAY.fullmatch(value)
    if match is None or not 1 <= int(match[2]) <= 12 or not 1 <= int(match[3]) <= DAYS_OF_MONTH[int(match[2]) - 1]:
        place.refuse("must be a day such as 2026-11-01")
    return value


def secret_reference(node: Node, place: Place) -> str:
    """Read where a secret is kept. The secret itself is refused and never repeated in the message."""
    value = scalar(node, place, wanted="env:NAME or file:PATH")
    if not SECRET_REFERENCE.fullmatch(value.text):
        place.refuse("must be env:NAME or file:PATH; a secret does not belong in this file")
    refuse_own_reference(value.text, place)
    return value.text


def refuse_own_reference(reference: str, place: Place) -> None:
    """Raises Refused for a variable that holds a setting of the program itself."""
    if OWN_REFERENCE.match(reference):
        place.refuse("must not name a POINTSMAN_ variable, which is a setting of the program itself")


def _decimal(node: Node, place: Place, minimum: float, maximum: float) -> Decimal:
    value = scalar(node, place, wanted="a number")
    if value.is_plain and NOT_FINITE.fullmatch(value.text):
        place.refuse("must be a finite number")
    if not (value.is_plain and DECIMAL.fullmatch(value.text)):
        place.refuse("must be a number")
    found = Decimal(value.text)
    _check_range(found, place, minimum, maximum)
    return found


def _check_range(value: Decimal, place: Place, minimum: float, maximum: float) -> None:
    if value < Decimal(str(minimum)):
        place.refuse(f"must be {minimum:.15g} or more")
    if value > Decimal(str(maximum)):
        place.refuse(f"must be {maximum:.15g} or less")
