"""Reads YAML strictly, with PyYAML's events: one document, no duplicate key, no anchor, no alias, no tag.

Only scalars, lists and mappings come out, each with its line; nothing is constructed and no alias expanded.
"""

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from pointsman.registry.core.document import ListNode, MapNode, Member, Node, ScalarNode
from pointsman.registry.core.fields import shown_key
from pointsman.registry.core.ports import TextFile
from pointsman.registry.core.problems import Problem, ProblemList

# A catalogue is at most 6 deep; the limit keeps hostile brackets off the stack.
MAX_DEPTH = 32


def parse_yaml(file: TextFile, problems: ProblemList) -> Node | None:
    """The text's tree; None, with a problem added, where it is no YAML. Other faults are added beside the tree."""
    reader = _TreeReader(file, problems)
    control = next((index for index, letter in enumerate(file.text) if letter < " " and letter not in "\t\n\r"), None)
    if control is not None:
        reader.note(file.text.count("\n", 0, control) + 1, "", "must not hold control characters")
        return None
    try:
        return reader.read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.note(mark.line + 1 if mark else 1, "", _explain(error, file.text, mark.line if mark else 0))
    except (yaml.YAMLError, _TooDeep) as error:
        reader.note(reader.line, "", str(error).splitlines()[0] if isinstance(error, _TooDeep) else "is no YAML")
    return None


class _TooDeep(Exception):
    """The nesting is deeper than any catalogue's."""


class _TreeReader:
    """Builds the tree from events, and notes what a strict file must not hold."""

    def __init__(self, file: TextFile, problems: ProblemList) -> None:
        self._file = file
        self._problems = problems
        self._events = yaml.parse(file.text, Loader=yaml.CSafeLoader)
        self.line = 1

    def note(self, line: int, path: str, message: str) -> None:
        """Add a problem."""
        self._problems.add(Problem(self._file.name, line, path, message))

    def read(self) -> Node | None:
        """The only document's tree."""
        document: Node | None = None
        while (event := next(self._events, None)) is not None:
            if isinstance(event, DocumentStartEvent):
                if document is not None:
                    self.note(line_of(event), "", "must be one document")
                    return None
                document = self._node(self._next(), "", 0)
        if document is None:
            self.note(1, "", "is empty")
        return document

    def _next(self) -> Event:
        event: Event = next(self._events)
        self.line = line_of(event)
        return event

    def _node(self, event: Event, path: str, depth: int) -> Node:
        line = line_of(event)
        if depth > MAX_DEPTH:
            raise _TooDeep(f"must be at most {MAX_DEPTH} levels deep")
        self._refuse_indirection(event, path, line)
        if isinstance(event, SequenceStartEvent):
            return self._list(path, line, depth)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path, line, depth)
        if isinstance(event, ScalarEvent):
            return ScalarNode(event.value, is_plain=not event.style, line=line)
        return ScalarNode("", is_plain=True, line=line)

    def _refuse_indirection(self, event: Event, path: str, line: int) -> None:
        if isinstance(event, AliasEvent):
            self.note(line, path, "aliases are not allowed; write the value out")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            self.note(line, path, "anchors are not allowed")
        if getattr(event, "tag", None) is not None:
            self.note(line, path, "tags are not allowed")

    def _list(self, path: str, line: int, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := self._next(), CollectionEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return ListNode(tuple(items), line)

    def _mapping(self, path: str, line: int, depth: int) -> MapNode:
        members: dict[str, Member] = {}
        while not isinstance(event := self._next(), CollectionEndEvent):
            key_line = line_of(event)
            key = self._node(event, path, depth + 1)
            text = key.text if isinstance(key, ScalarNode) else ""
            at = f"{path}.{shown_key(text)}" if path else shown_key(text)
            if not isinstance(key, ScalarNode):
                self.note(key_line, path, "a field's name must be text")
            elif text in members:
                self.note(key_line, at, f"is a second time here; first on line {members[text].line}")
            value = self._node(self._next(), at, depth + 1)
            members.setdefault(text, Member(key_line, value))
        return MapNode(members, line)


def line_of(event: Event) -> int:
    """The line on which an event begins, from 1."""
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _explain(error: yaml.MarkedYAMLError, text: str, line_index: int) -> str:
    """PyYAML's reason, without its quotation of the text."""
    lines = text.splitlines()
    if line_index < len(lines) and "\t" in lines[line_index] and "cannot start any token" in (error.problem or ""):
        return "a tab cannot indent; use blanks"
    context = f"{error.context}, " if error.context else ""
    return f"is no YAML: {context}{error.problem}"
