import math

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from pointsman.rules.keyword_rules import (
    BUILT_IN_CATEGORIES,
    RULES_PER_AUTOMATON,
    Automaton,
    InvalidRules,
    KeywordRule,
    compile_rules,
    rule_options,
)
from pointsman.rules.rules_file import load_default_rules

DEFAULT_RULES = load_default_rules()


def rule(pattern: str, *, name: str = "r", category: str = "coding", weight: float = 2.0) -> KeywordRule:
    return KeywordRule(name, category, pattern, weight)


def test_evidence_of_a_category_adds_up() -> None:
    rules = compile_rules([rule("foo", name="a"), rule("bar", name="b", weight=3.0), rule("foo", category="chat", weight=1.0)])

    matches = rules.match("FOO bar")

    assert matches.scores == {"coding": 5.0, "chat": 1.0}
    assert matches.rule_names == ("coding/b", "coding/a", "chat/r")
    assert matches.category == "coding"
    assert matches.confidence == matches.probabilities["coding"] > 0.9


def test_text_that_no_rule_matches_is_everything_with_little_confidence() -> None:
    matches = compile_rules([rule("foo")]).match("nothing of that")

    assert matches.matched == ()
    assert matches.confidence < 0.25


def test_rule_may_speak_for_a_category_of_its_own() -> None:
    matches = compile_rules([rule("deed", category="legal", weight=4.0)]).match("read this deed")

    assert matches.category == "legal"
    assert set(matches.probabilities) == {*BUILT_IN_CATEGORIES, "legal"}


@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        pytest.param(rule(r"(?=a)b"), "invalid perl operator", id="look-ahead"),
        pytest.param(rule(r"(a)\1"), "invalid escape", id="back-reference"),
        pytest.param(rule("(a"), "missing )", id="open group"),
        pytest.param(rule("a{1001}"), "invalid repetition", id="large repetition"),
        pytest.param(rule("((a{9}){9}){9}" * 8), "instructions", id="nested repetition"),
        pytest.param(rule("a" * 1_001), "1001 characters", id="long pattern"),
        pytest.param(rule("a*"), "every text", id="matches nothing at all"),
        pytest.param(rule(""), "every text", id="empty pattern"),
        pytest.param(rule("\ud800"), "Unicode", id="lone surrogate"),
        pytest.param(rule("a", weight=0.0), "weight", id="no weight"),
        pytest.param(rule("a", weight=math.nan), "weight", id="weight that is no number"),
        pytest.param(rule("a", weight=10.5), "weight", id="heavy"),
        pytest.param(rule("a", name=""), "name", id="nameless"),
    ],
)
def test_hostile_rule_is_refused_by_name(hostile: KeywordRule, why: str) -> None:
    with pytest.raises(InvalidRules) as caught:
        compile_rules([rule("fine", name="fine"), hostile])

    (problem,) = caught.value.problems
    assert problem.startswith(f"rule {hostile.full_name!r}: ")
    assert why in problem


def test_every_faulty_rule_is_told_at_once() -> None:
    with pytest.raises(InvalidRules) as caught:
        compile_rules([rule("(", name="one"), rule("a", name="same"), rule("b", name="same"), rule(")", name="two")])

    assert len(caught.value.problems) == 3


def test_hostile_text_is_matched_without_backtracking() -> None:
    # Under `re` this takes seconds at 27 characters and longer than anyone waits at 4,000.
    rules = compile_rules([rule("(a+)+b|(a|aa)+c")])

    assert rules.match("a" * 1_000_000).matched == ()


def test_only_both_ends_of_a_text_are_read() -> None:
    rules = compile_rules([rule("needle")])

    assert rules.match("needle" + "x" * 1_000_000).matched
    assert rules.match("x" * 1_000_000 + "needle").matched
    assert not rules.match("x" * 500_000 + "needle" + "x" * 500_000).matched


def test_automaton_that_finds_nothing_at_all_is_not_believed() -> None:
    options = rule_options()
    blind = re2.Set.SearchSet(options)
    blind.Add("never in this text")
    blind.Compile()

    automaton = Automaton((rule("foo"),), (re2.compile(b"foo", options),), blind)

    assert automaton.matching(b"a foo") == [rule("foo")]


def test_order_of_rules_does_not_depend_on_automata() -> None:
    count = 2 * RULES_PER_AUTOMATON + 1
    rules = compile_rules([rule("x", name=f"r{number}") for number in range(count)])

    assert rules.match("x").rule_names == tuple(f"coding/r{number}" for number in range(count))
    assert len(rules) == count


def test_version_changes_with_any_part_of_a_rule() -> None:
    versions = {
        compile_rules(rules).version
        for rules in ([rule("a")], [rule("b")], [rule("a", name="s")], [rule("a", category="chat")], [rule("a", weight=1.0)], [])
    }

    assert len(versions) == 6
    assert compile_rules([rule("a")]).version == compile_rules([rule("a")]).version


@given(st.text(alphabet=st.characters(), max_size=300))
def test_probabilities_are_a_distribution_for_any_text(text: str) -> None:
    matches = DEFAULT_RULES.match(text)

    assert math.isclose(sum(matches.probabilities.values()), 1.0, abs_tol=1e-9)
    assert all(0.0 <= probability <= 1.0 for probability in matches.probabilities.values())
    assert matches.category in matches.probabilities


def test_lone_surrogate_in_a_text_is_no_error() -> None:
    assert DEFAULT_RULES.match("\ud800 hello").probabilities
