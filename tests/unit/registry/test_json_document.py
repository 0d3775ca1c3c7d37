import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.registry.adapters.text_document import parse_document
from pointsman.registry.core.document import ListNode, MapNode, Node, ScalarNode
from pointsman.registry.core.ports import TextFile
from pointsman.registry.core.problems import ProblemList

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def parsed(text: str, name: str = "models.json") -> tuple[Node | None, list[str]]:
    problems = ProblemList()
    tree = parse_document(TextFile(name, text), problems)
    return tree, [str(problem) for problem in problems.problems]


def plain(node: Node | None) -> Any:
    match node:
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {key: plain(member.value) for key, member in node.members.items()}
        case ScalarNode(is_plain=False):
            return node.text
        case ScalarNode():
            return json.loads(node.text)
    return None


@given(JSON, st.sampled_from([None, 2, "\t"]))
def test_it_reads_what_the_standard_library_writes(value: object, indent: int | str | None) -> None:
    for ensure_ascii in (True, False):
        tree, problems = parsed(json.dumps(value, indent=indent, ensure_ascii=ensure_ascii))
        assert (plain(tree), problems) == (value, [])


@given(st.text(alphabet='{}[]",:\\ 01.eE-tfn\n\tu', max_size=30))
def test_it_takes_and_refuses_what_the_standard_library_does(text: str) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        assert parsed(text)[1] != []
        return
    if isinstance(value, float) and math.isinf(value):
        return
    tree, problems = parsed(text)
    if not problems:
        assert plain(tree) == value


def test_every_value_knows_its_line_and_numbers_keep_their_text() -> None:
    tree, _ = parsed('{\n "models": [\n  {"id": "a",\n   "price": 0.10}\n ]\n}')
    assert isinstance(tree, MapNode)
    models = tree.members["models"]
    assert isinstance(models.value, ListNode)
    entry = models.value.items[0]
    assert isinstance(entry, MapNode)
    assert (models.line, entry.line, entry.members["price"].line) == (2, 3, 4)
    assert entry.members["price"].value == ScalarNode("0.10", is_plain=True, line=4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "models.json:1: is empty", id="empty"),
        pytest.param(" \n ", "models.json:1: is empty", id="blank"),
        pytest.param('[\n{"id": "a"', "models.json:2: is no JSON: ',' or '}' is missing", id="half-written"),
        pytest.param('["a', "models.json:1: is no JSON: unterminated string starting at", id="open-string"),
        pytest.param("[1,]", "models.json:1: is no JSON: a value is missing", id="trailing-comma"),
        pytest.param("[1]\n2", "models.json:2: is no JSON: text after the end", id="two-values"),
        pytest.param("[NaN]", "models.json:1: is no JSON: a value is missing", id="nan"),
        pytest.param("[01]", "models.json:1: is no JSON: ',' or ']' is missing", id="octal"),
        pytest.param("{a: 1}", "models.json:1: is no JSON: a field's name in double quotes is missing", id="bare-key"),
        pytest.param('{"a" 1}', "models.json:1: is no JSON: ':' is missing", id="no-colon"),
        pytest.param('["\x01"]', "models.json:1: is no JSON: invalid control character at", id="control-character"),
        pytest.param("[" * 100_000, "models.json:1: must be at most 32 levels deep", id="brackets"),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(text: str, problem: str) -> None:
    assert parsed(text) == (None, [problem])


def test_a_field_that_is_there_twice_is_a_problem_beside_the_tree() -> None:
    tree, problems = parsed('{"a": {"b": 1,\n "b": 2}}')
    assert (plain(tree), problems) == ({"a": {"b": 1}}, ["models.json:2: a.b: is a second time here; first on line 1"])


def test_the_name_decides_how_a_text_is_read() -> None:
    assert parsed("a: no", "catalog.yaml")[1] == []
    assert parsed("a: no", "MODELS.JSON")[0] is None
