import pytest

from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.document import ListNode, MapNode, ScalarNode
from pointsman.registry.core.ports import TextFile
from pointsman.registry.core.problems import ProblemList


def faults(text: str) -> list[str]:
    problems = ProblemList()
    parse_yaml(TextFile("c.yaml", text), problems)
    return [str(problem) for problem in problems.problems]


BOMB = "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a:\n\t- b\n", ["c.yaml:2: a tab cannot indent; use blanks"], id="tab"),
        pytest.param("a: 1\nb: 2\na: 3\n", ["c.yaml:3: a: is a second time here; first on line 1"], id="duplicate-key"),
        pytest.param("x:\n  - {k: 1, k: 2}\n", ["c.yaml:2: x[0].k: is a second time here; first on line 2"], id="duplicate-key-in-flow"),
        pytest.param(
            BOMB,
            [
                "c.yaml:1: a: anchors are not allowed",
                "c.yaml:2: b: anchors are not allowed",
                "c.yaml:2: b[0]: aliases are not allowed; write the value out",
                "c.yaml:2: b[1]: aliases are not allowed; write the value out",
                "c.yaml:3: c[0]: aliases are not allowed; write the value out",
                "c.yaml:3: c[1]: aliases are not allowed; write the value out",
            ],
            id="bomb",
        ),
        pytest.param("a: !!python/object/apply:os.system [id]\n", ["c.yaml:1: a: tags are not allowed"], id="python-tag"),
        pytest.param("a: !!str 1\n", ["c.yaml:1: a: tags are not allowed"], id="plain-tag"),
        pytest.param("a: 1\n---\nb: 2\n", ["c.yaml:2: must be one document"], id="two-documents"),
        pytest.param("", ["c.yaml:1: is empty"], id="empty"),
        pytest.param("# only a comment\n", ["c.yaml:1: is empty"], id="comment-only"),
        pytest.param("? [a]\n: b\n", ["c.yaml:1: a field's name must be text"], id="list-as-key"),
        pytest.param("a: b: c\n", ["c.yaml:1: is no YAML: mapping values are not allowed in this context"], id="syntax"),
        pytest.param("x: 1\ny: a\x00b\n", ["c.yaml:2: must not hold control characters"], id="nul"),
        pytest.param("[" * 100, ["c.yaml:1: must be at most 32 levels deep"], id="too-deep"),
        pytest.param(
            'a: "\\ud800"\n',
            ["c.yaml:1: is no YAML: while parsing a quoted scalar, found invalid Unicode character escape code"],
            id="surrogate",
        ),
    ],
)
def test_hostile_or_broken_text_is_refused_with_its_line(text: str, expected: list[str]) -> None:
    assert faults(text) == expected


def test_values_keep_their_text_and_line() -> None:
    problems = ProblemList()
    tree = parse_yaml(TextFile("c.yaml", "a: no\nb:\n  - 'on'\n  - 1\n"), problems)
    assert problems.problems == []
    assert isinstance(tree, MapNode)
    assert tree.members["a"].value == ScalarNode("no", is_plain=True, line=1)
    items = tree.members["b"].value
    assert isinstance(items, ListNode)
    assert items.items == (ScalarNode("on", is_plain=False, line=3), ScalarNode("1", is_plain=True, line=4))


def test_a_byte_order_mark_is_no_fault() -> None:
    assert faults("\ufeffa: 1\n") == []
