"""Reads JSON into a tree in which every value knows its line. Strict as the YAML reader is: no duplicate key, bounded depth.

The standard library's parser tells no lines, so only its scanner of strings is used. Numbers keep their text, so that
money stays exact; what they may be is decided where they are read.
"""

import re
from bisect import bisect_right
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]  # there, but typeshed leaves it out

from pointsman.registry.adapters.yaml_document import MAX_DEPTH
from pointsman.registry.core.document import ListNode, MapNode, Member, Node, ScalarNode
from pointsman.registry.core.fields import shown_key
from pointsman.registry.core.ports import TextFile
from pointsman.registry.core.problems import Problem, ProblemList

BLANKS = re.compile(r"[ \t\n\r]*")
WORD = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")


def parse_json(file: TextFile, problems: ProblemList) -> Node | None:
    """The text's tree; None, with a problem added, where it is no JSON. Repeated keys are problems beside the tree."""
    reader = _JsonReader(file, problems)
    try:
        return reader.read()
    except _NotJson as error:
        problems.add(Problem(file.name, reader.line_at(error.position), "", str(error)))
    except JSONDecodeError as error:
        problems.add(Problem(file.name, error.lineno, "", f"is no JSON: {error.msg.lower()}"))
    return None


class _NotJson(Exception):
    """The text is no JSON from `position` on."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


class _JsonReader:
    """Builds the tree, and notes what is there twice."""

    def __init__(self, file: TextFile, problems: ProblemList) -> None:
        self._file = file
        self._problems = problems
        self._text = file.text
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", file.text))]

    def line_at(self, position: int) -> int:
        """The line of a place in the text, from 1."""
        return bisect_right(self._line_starts, position)

    def read(self) -> Node:
        """The only value's tree."""
        if not self._text.strip():
            raise _NotJson(0, "is empty")
        tree = self._value("", 0)
        self._skip_blanks()
        if self._at < len(self._text):
            raise _NotJson(self._at, "is no JSON: text after the end")
        return tree

    def _value(self, path: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _NotJson(self._at, f"must be at most {MAX_DEPTH} levels deep")
        self._skip_blanks()
        line = self.line_at(self._at)
        match self._text[self._at : self._at + 1]:
            case "{":
                return self._mapping(path, line, depth)
            case "[":
                return self._list(path, line, depth)
            case '"':
                return ScalarNode(self._string(), is_plain=False, line=line)
            case _:
                return ScalarNode(self._word(), is_plain=True, line=line)

    def _list(self, path: str, line: int, depth: int) -> ListNode:
        items: list[Node] = []
        self._at += 1
        if self._takes("]"):
            return ListNode((), line)
        while True:
            items.append(self._value(f"{path}[{len(items)}]", depth + 1))
            if self._ends("]"):
                return ListNode(tuple(items), line)

    def _mapping(self, path: str, line: int, depth: int) -> MapNode:
        members: dict[str, Member] = {}
        self._at += 1
        if self._takes("}"):
            return MapNode({}, line)
        while True:
            self._skip_blanks()
            key_line = self.line_at(self._at)
            if self._text[self._at : self._at + 1] != '"':
                raise _NotJson(self._at, "is no JSON: a field's name in double quotes is missing")
            key = self._string()
            at = f"{path}.{shown_key(key)}" if path else shown_key(key)
            if not self._takes(":"):
                raise _NotJson(self._at, "is no JSON: ':' is missing")
            if key in members:
                self._problems.add(Problem(self._file.name, key_line, at, f"is a second time here; first on line {members[key].line}"))
            members.setdefault(key, Member(key_line, self._value(at, depth + 1)))
            if self._ends("}"):
                return MapNode(members, line)

    def _string(self) -> str:
        text, self._at = scanstring(self._text, self._at + 1, True)
        return str(text)

    def _word(self) -> str:
        match = WORD.match(self._text, self._at)
        if match is None:
            raise _NotJson(self._at, "is no JSON: a value is missing")
        self._at = match.end()
        return match[0]

    def _ends(self, closing: str) -> bool:
        """True after the last item, False after a comma."""
        if self._takes(closing):
            return True
        if self._takes(","):
            return False
        raise _NotJson(self._at, f"is no JSON: ',' or '{closing}' is missing")

    def _takes(self, letter: str) -> bool:
        self._skip_blanks()
        if self._text[self._at : self._at + 1] != letter:
            return False
        self._at += 1
        return True

    def _skip_blanks(self) -> None:
        match = BLANKS.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
