import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.rules.difficulty import CREATIVITY, MAX_DIFFICULTY_LOGIT, creativity_score, difficulty_logit
from pointsman.rules.keyword_rules import KeywordRule, compile_rules
from pointsman.rules.rules_file import load_default_rules

RULES = load_default_rules()


@pytest.mark.parametrize(
    ("easier", "harder"),
    [
        pytest.param("Hello!", "Explain how glaciers carve valleys and what they leave behind", id="greeting"),
        pytest.param(
            "Sort a list in Python", "Design a distributed, thread-safe scheduler in Python with tests for its edge cases", id="coding"
        ),
        pytest.param("What is 3 + 4?", "Prove rigorously that the sequence converges and derive its limit", id="math"),
    ],
)
def test_longer_prompt_with_harder_words_is_harder(easier: str, harder: str) -> None:
    assert difficulty_logit(easier, RULES.match(easier)) < difficulty_logit(harder, RULES.match(harder))


@given(st.text(max_size=500))
def test_difficulty_stays_where_it_says_something(text: str) -> None:
    assert abs(difficulty_logit(text, RULES.match(text))) <= MAX_DIFFICULTY_LOGIT


def test_imagination_follows_the_category() -> None:
    poem, code = RULES.match("Write a poem about autumn"), RULES.match("def f(x): return x")

    assert creativity_score(code) < 0.3 < 0.7 < creativity_score(poem) <= max(CREATIVITY.values())


def test_added_category_has_a_creativity() -> None:
    matches = compile_rules([KeywordRule("deed", "legal", "deed", 9.0)]).match("a deed")

    assert 0.2 < creativity_score(matches) < 0.3
