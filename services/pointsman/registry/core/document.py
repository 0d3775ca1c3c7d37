"""A configuration text as a tree in which every value knows its line.

Which type a plain scalar has is decided where it is read, by YAML 1.2's core schema, so that
`no` and `on` stay text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Plain: TypeAlias = "bool | int | float | str | Sequence[Plain] | Mapping[str, Plain] | None"

# YAML 1.2.2, 10.3.2, without octal, hexadecimal and the infinities: no field of a catalogue wants them.
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
TRUES = frozenset({"true", "True", "TRUE"})
FALSES = frozenset({"false", "False", "FALSE"})
INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
DECIMAL = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?")
# Recognised in order to be refused by name rather than taken for text.
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[-+]?(nan|NaN|Infinity)")


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value as it was written. `is_plain`: without quotes, so that it may be more than text."""

    text: str
    is_plain: bool
    line: int

    @property
    def is_null(self) -> bool:
        """True for an absent value."""
        return self.is_plain and self.text in NULLS

    @property
    def is_text(self) -> bool:
        """True for what is neither null, nor a truth value, nor a number."""
        return not self.is_plain or not (
            self.text in NULLS | TRUES | FALSES or DECIMAL.fullmatch(self.text) or NOT_FINITE.fullmatch(self.text)
        )


@dataclass(frozen=True, slots=True)
class ListNode:
    """Values in order."""

    items: tuple["Node", ...]
    line: int


@dataclass(frozen=True, slots=True)
class Member:
    """A key's line and its value."""

    line: int
    value: "Node"


@dataclass(frozen=True, slots=True)
class MapNode:
    """Values by key, in the text's order."""

    members: Mapping[str, Member]
    line: int


Node: TypeAlias = ScalarNode | ListNode | MapNode


def node_from_plain(value: Plain) -> Node:
    """The tree of a value that no text stands behind: every line is 0."""
    if value is None:
        return ScalarNode("null", is_plain=True, line=0)
    if isinstance(value, bool):
        return ScalarNode("true" if value else "false", is_plain=True, line=0)
    if isinstance(value, int | float):
        return ScalarNode(_number_text(value), is_plain=True, line=0)
    if isinstance(value, str):
        return ScalarNode(value, is_plain=False, line=0)
    if isinstance(value, Mapping):
        return MapNode({key: Member(0, node_from_plain(item)) for key, item in value.items()}, line=0)
    return ListNode(tuple(node_from_plain(item) for item in value), line=0)


def _number_text(value: int | float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return ".nan"
    return repr(value)
