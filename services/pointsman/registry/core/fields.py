"""Typed reading of a document's values, which collects every fault instead of stopping at the first.

A reader takes a node and the place where it stands. What it cannot accept it puts on the place's
list and raises Refused, which the enclosing list or record catches: the rest is read all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeAlias, TypeVar, overload

from pointsman.registry.core.document import ListNode, MapNode, Member, Node, ScalarNode
from pointsman.registry.core.problems import Problem, ProblemList

T = TypeVar("T")
D = TypeVar("D")

MAX_SHOWN_KEY_LENGTH = 64


class Refused(Exception):
    """A value was refused, and why is on the list."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that must exist elsewhere in the catalogue. `owner`: the id of the model whose entry holds it, if one does."""

    kind: str
    target: str
    file: str
    line: int
    path: str
    may_be_built_in: bool = False
    owner: str = ""

    def problem(self, message: str) -> Problem:
        """A problem at the place where the name stands."""
        return Problem(self.file, self.line, self.path, message)


@dataclass(slots=True)
class Report:
    """What reading one file brings besides its values."""

    file: str
    problems: ProblemList = field(default_factory=ProblemList)
    references: list[Reference] = field(default_factory=list)
    inactive: list[str] = field(default_factory=list)  # valid parts that nothing acts on yet
    warnings: list[str] = field(default_factory=list)  # no faults, but worth a look

    def own_references(self, owner: str, *, since: int) -> None:
        """Say of the references since that count that they stand in this model's entry."""
        self.references[since:] = [replace(reference, owner=owner) for reference in self.references[since:]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: `path` as in "models[3].id"."""

    report: Report
    path: str
    line: int

    def member(self, key: str, line: int) -> "Place":
        """The place of a member."""
        shown = shown_key(key)
        return Place(self.report, f"{self.path}.{shown}" if self.path else shown, line)

    def item(self, index: int, line: int) -> "Place":
        """The place of a list's item."""
        return Place(self.report, f"{self.path}[{index}]", line)

    def note(self, message: str) -> None:
        """Put a fault on the list and go on."""
        self.report.problems.add(Problem(self.report.file, self.line, self.path, message))

    def refuse(self, message: str) -> NoReturn:
        """Put a fault on the list and give the value up."""
        self.note(message)
        raise Refused

    def refer(self, kind: str, target: str, *, may_be_built_in: bool = False) -> None:
        """Remember that `target` must exist."""
        self.report.references.append(Reference(kind, target, self.report.file, self.line, self.path, may_be_built_in))


Reader: TypeAlias = Callable[[Node, Place], T]


def shown_key(key: str) -> str:
    """A key as a path shows it: short, on one line."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in key)
    return plain if len(plain) <= MAX_SHOWN_KEY_LENGTH else plain[:MAX_SHOWN_KEY_LENGTH] + "…"


def is_absent(node: Node | None) -> bool:
    """True for a value that is missing or null."""
    return node is None or (isinstance(node, ScalarNode) and node.is_null)


class Record:
    """The members of a mapping, each read once by name; `close` refuses those that nobody asked for."""

    def __init__(self, node: Node, place: Place) -> None:
        if not isinstance(node, MapNode):
            place.refuse("must be a mapping of fields")
        self._members = node.members
        self._known: set[str] = set()
        self.place = place

    def has(self, name: str) -> bool:
        """True where the field is present and not null."""
        member = self._members.get(name)
        return member is not None and not is_absent(member.value)

    def place_of(self, name: str) -> Place:
        """The place of a field; the record's own line where it is missing."""
        member = self._members.get(name)
        return self.place.member(name, self.place.line if member is None else member.line)

    def node_of(self, name: str) -> Node | None:
        """The field as it was written; None where it is missing."""
        member = self._members.get(name)
        return None if member is None else member.value

    @overload
    def optional(self, name: str, read: Reader[T]) -> T | None: ...
    @overload
    def optional(self, name: str, read: Reader[T], default: D) -> T | D: ...
    def optional(self, name: str, read: Reader[T], default: D | None = None) -> T | D | None:
        """The field's value; `default` where it is missing, null or refused."""
        self._known.add(name)
        if not self.has(name):
            return default
        try:
            return read(self._members[name].value, self.place_of(name))
        except Refused:
            return default

    def required(self, name: str, read: Reader[T], *, instead: D) -> T | D:
        """The field's value. Missing or refused is a problem; `instead` lets the reading go on."""
        if not self.has(name):
            self._known.add(name)
            self.place_of(name).note("is missing")
            return instead
        return self.optional(name, read, instead)

    def unread(self) -> list[tuple[str, Place]]:
        """The fields that nobody asked for."""
        return [(key, self.place.member(key, member.line)) for key, member in self._members.items() if key not in self._known]

    def close(self) -> None:
        """Refuse the fields that nobody asked for."""
        for _, place in self.unread():
            place.note("is no field of this place")


def list_of(read: Reader[T], *, min_count: int = 0, max_count: int = 10_000) -> Reader[tuple[T, ...]]:
    """Reads a list; refused items are left out and their problems kept."""

    def read_list(node: Node, place: Place) -> tuple[T, ...]:
        if not isinstance(node, ListNode):
            place.refuse("must be a list")
        if not min_count <= len(node.items) <= max_count:
            place.refuse(f"must have {min_count} to {max_count} items")
        found: list[T] = []
        for index, item in enumerate(node.items):
            try:
                found.append(read(item, place.item(index, item.line)))
            except Refused:
                continue
        return tuple(found)

    return read_list


def members_of(node: Node, place: Place) -> list[tuple[str, Member]]:
    """The members of a mapping whose keys are names of the user's. Raises Refused where it is none."""
    if not isinstance(node, MapNode):
        place.refuse("must be a mapping")
    return list(node.members.items())


def mapping_of(read: Reader[T], read_key: Reader[str], *, min_count: int = 0) -> Reader[dict[str, T]]:
    """Reads a mapping from names to values; refused members are left out and their problems kept."""

    def read_mapping(node: Node, place: Place) -> dict[str, T]:
        found: dict[str, T] = {}
        members = members_of(node, place)
        if len(members) < min_count:
            place.refuse(f"must have at least {min_count} member")
        for key, member in members:
            at = place.member(key, member.line)
            try:
                found[read_key(key_node(key, member.line), at)] = read(member.value, at)
            except Refused:
                continue
        return found

    return read_mapping


def key_node(key: str, line: int) -> Node:
    """A mapping's key as a value, so that a reader can judge it."""
    return ScalarNode(key, is_plain=False, line=line)


def refuse_repeats(node: Node | None, place: Place, id_field: str) -> None:
    """Note each item of a list whose id an item before it has."""
    if not isinstance(node, ListNode):
        return
    lines: dict[str, int] = {}
    for index, item in enumerate(node.items):
        member = item.members.get(id_field) if isinstance(item, MapNode) else None
        if member is None or not isinstance(member.value, ScalarNode):
            continue
        if member.value.text in lines:
            repeated = place.item(index, item.line).member(id_field, member.line)
            repeated.note(f"is the same as on line {lines[member.value.text]}")
        lines.setdefault(member.value.text, member.line)
