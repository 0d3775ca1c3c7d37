from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.core.features import FEATURE_NAMES, lexical_features
from pointsman.classifier.core.heads import MOST_DEVIATIONS

WINDOW = 4_000
MOST_DIGITS = 15


def feature(text: str, name: str) -> float:
    return float(lexical_features(text)[FEATURE_NAMES.index(name)])


def test_features_have_names_of_their_own() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == len(lexical_features("x"))


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_has_finite_features_of_one_shape(text: str) -> None:
    features = lexical_features(text)

    assert features.shape == (len(FEATURE_NAMES),)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert (features >= 0.0).all()


def test_empty_text_has_no_more_than_any_other() -> None:
    empty, blank = lexical_features(""), lexical_features("  \n ")

    assert np.isfinite(empty).all()
    assert (empty <= lexical_features("word")).all()
    assert blank.sum() < 2.0


HOSTILE: dict[str, str] = {
    "lone surrogates": "\ud800" * WINDOW,
    "a surrogate in words": "what is \udfff and\ud83d?",
    "line breaks": "\n" * WINDOW,
    "blanks": " \t" * (WINDOW // 2),
    "opening brackets": "(" * WINDOW,
    "nested brackets": "[{(" * (WINDOW // 3),
    "options": "A) 1\n" * (WINDOW // 5),
    "one endless option": "A) " + "1" * (WINDOW - 4) + "é",
    "quotes that never close": "\"'" * (WINDOW // 2),
    "one quote to a line": "'\n" * (WINDOW // 2),
    "points": "." * WINDOW,
    "calls without a call": ".a" * (WINDOW // 2),
    "digits": "9" * WINDOW,
    "numbers": "9," * (WINDOW // 2),
    "backslashes": "\\" * WINDOW,
    "all different": "".join(chr(0x4E00 + index) for index in range(WINDOW)),
    "zero bytes": "\0" * WINDOW,
    "digits that are no ASCII": "٣" * WINDOW,
    "superscripts": "²" * WINDOW,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_read_as_any_other(text: str) -> None:
    features = lexical_features(text)

    assert np.isfinite(features).all()
    assert (features >= 0.0).all()
    scaled = read_artifact().scaling.apply(features)
    assert (np.abs(scaled) <= MOST_DEVIATIONS).all()


@pytest.mark.parametrize(
    ("name", "bound"),
    [("lines", 1.0), ("clauses", 1.0), ("list_items", 1.0), ("quotes", 1.0), ("math_symbol_share", 1.0), ("code_symbol_share", 1.0)],
)
@pytest.mark.parametrize("text", ["\n- a\n* b" * 500, ",;:." * 1_000, "\"'" * 2_000, "+-=<" * 1_000, "{}[]" * 1_000])
def test_counts_end_where_more_says_nothing(text: str, name: str, bound: float) -> None:
    assert feature(text, name) <= bound


def test_options_and_digits_are_counted_up_to_a_bound() -> None:
    assert feature("A) 1\n" * 800, "options") == feature("A) 1\n" * 26, "options")
    assert feature("9" * 4_000, "largest_number") == feature("9" * MOST_DIGITS, "largest_number")
    assert feature("1 " * 200 + "9 " * 10, "largest_number") == feature("1", "largest_number")


class CountedText(str):
    """A text that keeps how often it was gone through as a whole for one character."""

    counted = 0

    def count(self, *arguments: object) -> int:
        CountedText.counted += 1
        return super().count(*arguments)  # type: ignore[arg-type]  # as str has it, passed on as it came


def test_text_is_not_gone_through_once_for_each_of_its_characters() -> None:
    def passes(text: str) -> int:
        CountedText.counted = 0
        lexical_features(CountedText(text))
        return CountedText.counted

    assert passes(HOSTILE["all different"]) == passes("short")


FORM = [
    ("log_words", "one two three four", "one"),
    ("log_characters", "a longer word", "word"),
    ("lines", "a\nb\nc", "a b c"),
    ("digit_share", "123 apples", "three apples"),
    ("math_symbol_share", "3 + 4 = 7", "three and four"),
    ("code_symbol_share", "f(x) { return [x]; }", "return x"),
    ("non_ascii_share", "日本の首都", "capital"),
    ("upper_share", "HELLO", "hello"),
    ("ends_with_question", "why? ", "why"),
    ("ends_with_question", "首都は？", "首都"),
    ("starts_with_question_word", "¿Cómo funciona?", "Funciona"),
    ("starts_with_question_word", "HOW so", "so how"),
    ("first_person", "I'm tired", "It is late"),
    ("clauses", "first, then; last.", "first then last"),
    ("list_items", "do:\n- a\n- b", "do a b"),
    ("quotes", 'say "yes"', "say yes"),
]
SENTENCES = [
    ("log_words_squared", "one two three", "one"),
    ("sentences", "It rains. It pours. It ends.", "It rains and pours and ends."),
    ("words_per_sentence", "it rains and it pours.", "it rains. it pours."),
    ("word_length", "extraordinary circumstances", "odd days"),
    ("long_word_share", "an extraordinary day", "an odd day"),
    ("distinct_word_share", "one two three", "one one one"),
    ("capitalised_share", "Paris And Rome", "paris and rome"),
    ("questions", "why? how?", "why. how."),
    ("commas", "a, b, c", "a b c"),
    ("brackets", "f(g(x))", "f g x"),
]
EXAM = [
    ("numbers", "12 cows and 3.5 pigs", "cows and pigs"),
    ("largest_number", "a town of 12,000", "a town of 12"),
    ("decimal_share", "3.5 and 4.25", "3 and 4"),
    ("options", "Which?\nA) one\nB) two", "Which? A or B"),
    ("mean_option_length", "A. a long option\nB. a long one", "A. a\nB. b"),
    ("longest_option", "A. a\nB. a very long option", "A. a\nB. b"),
    ("option_spread", "A. a\nB. a very long option", "A. two\nB. six"),
    ("numeric_option_share", "A. 12\nB. 13", "A. cows\nB. pigs"),
    ("negations", "which is NOT true, except", "which is true"),
    ("proportions", "half of each, 20% of the total", "a part of it"),
    ("tasks", "How many? Compute.", "Many."),
    ("tex_commands", r"\frac{1}{2} \sqrt{2}", "1/2, root 2"),
    ("dollar_share", "$x$", "x"),
    ("blanks", "The ___ is blue", "The sky is blue"),
    ("passage", "Passage: once", "once"),
    ("operators", "2 * 3 + 4", "2 3 4"),
]
CODE = [
    ("loops", "for x in y: while z:", "x in y"),
    ("branches", "if a: b\nelse: c", "a b c"),
    ("calls", "a.sort() and b.pop()", "sort a and pop b"),
    ("deepest_indent", "def f():\n        return 1", "def f(): return 1"),
    ("mean_indent", "  a\n  b", "a\nb"),
    ("literal_characters", "x = 'a long text'", "x = 'a'"),
    ("literals", "['a', \"b\"]", "[a, b]"),
    ("assignments", "a = b = c", "a b c"),
    ("underscores", "a_b_c", "abc"),
    ("returns", "return return", "give"),
    ("square_brackets", "a[0][1]", "a01"),
    ("braces", "{a: {b}}", "a b"),
]


@pytest.mark.parametrize(("name", "more", "less"), FORM + SENTENCES + EXAM + CODE)
def test_feature_tells_texts_apart(name: str, more: str, less: str) -> None:
    assert feature(more, name) > feature(less, name)


def test_each_feature_is_told_by_some_text() -> None:
    assert {name for name, _, _ in FORM + SENTENCES + EXAM + CODE} == set(FEATURE_NAMES)


@pytest.mark.parametrize("change", [str, lambda text: text + ""], ids=["the same", "a copy"])
def test_equal_texts_have_equal_features(change: Callable[[str], str]) -> None:
    text = "Which of these is NOT a prime?\nA) 7\nB) 9"
    np.testing.assert_array_equal(lexical_features(text), lexical_features(change(text)))
