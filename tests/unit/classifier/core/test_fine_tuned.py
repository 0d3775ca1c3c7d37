import math
from dataclasses import replace

import numpy as np
import pytest

from pointsman.classifier.core.fine_tuned import LabelReading, UnusableLabels, reading_of, with_verdict
from pointsman.classifier.core.fusion import Difficulty, Judgement, Method, judge_by_rules
from pointsman.classifier.core.heads import MAX_COMPLEXITY_LOGIT
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from pointsman.rules.rules_file import load_default_rules

RULES = load_default_rules()
TEXT = "Write a Python function to sort a list"


def judgement(method: Method = Method.HYBRID) -> Judgement:
    return judge_by_rules(TEXT, RULES.match(TEXT), method)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param(("coding", "math"), LabelReading(("coding", "math")), id="some categories"),
        pytest.param(("Creative Writing", "MATH", "other"), LabelReading(("creative_writing", "math", None)), id="as people write them"),
        pytest.param(("weak", "strong"), LabelReading(strong=1), id="a pair"),
        pytest.param(("Large", "Small"), LabelReading(strong=0), id="a pair the other way"),
        pytest.param(("0", "1"), LabelReading(strong=1), id="numbers"),
        pytest.param(("LABEL_0", "LABEL_1"), LabelReading(strong=1), id="without names"),
        pytest.param(("LABEL_0", "LABEL_1", "LABEL_2"), LabelReading(strong=0), id="RouteLLM's three"),
    ],
)
def test_labels_are_categories_or_tell_which_model_is_needed(labels: tuple[str, ...], expected: LabelReading) -> None:
    assert reading_of(labels, BUILT_IN_CATEGORIES) == expected


@pytest.mark.parametrize("labels", [("positive", "negative"), ("weak", "strong", "tie"), ("math", "Math"), ("LABEL_0",)])
def test_labels_that_say_neither_are_refused_by_name(labels: tuple[str, ...]) -> None:
    with pytest.raises(UnusableLabels, match=labels[0]):
        reading_of(labels, BUILT_IN_CATEGORIES)


@pytest.mark.parametrize(
    ("needs_strong", "b", "difficulty"),
    [
        (0.5, 0.0, Difficulty.MEDIUM),
        (0.9, math.log(9), Difficulty.HARD),
        (1.0, MAX_COMPLEXITY_LOGIT, Difficulty.HARD),
        (0.0, -MAX_COMPLEXITY_LOGIT, Difficulty.EASY),
    ],
)
def test_need_of_the_strong_model_is_difficulty_and_nothing_else_changes(needs_strong: float, b: float, difficulty: Difficulty) -> None:
    before = judgement()
    after = with_verdict(before, np.array([1 - needs_strong, needs_strong], np.float32), LabelReading(strong=1))
    assert after.difficulty_logit == pytest.approx(b, abs=1e-5)
    assert after.difficulty is difficulty
    assert after.complexity_score == pytest.approx(1 / (1 + math.exp(-after.difficulty_logit)))
    assert (after.category_probabilities, after.discrimination, after.method) == (
        before.category_probabilities,
        before.discrimination,
        before.method,
    )


def test_categories_are_the_classifiers_and_difficulty_stays() -> None:
    before = judgement(Method.DEGRADED)
    after = with_verdict(before, np.array([0.6, 0.2, 0.2], np.float32), LabelReading(("math", None, "chat")))
    assert (after.category, after.method) == ("math", Method.ML_BASED)
    assert after.category_probabilities["math"] == after.domain_confidence == pytest.approx(0.75)
    assert after.ml_confidence == pytest.approx(0.6)
    assert sum(after.category_probabilities.values()) == pytest.approx(1)
    assert set(after.category_probabilities) == set(BUILT_IN_CATEGORIES)
    assert after.difficulty_logit == before.difficulty_logit


@pytest.mark.parametrize(("share", "is_unsure"), [(0.9, False), (0.45, True)])
@pytest.mark.parametrize("was_unsure", [True, False])
def test_doubt_is_the_classifiers_where_the_category_is(*, share: float, is_unsure: bool, was_unsure: bool) -> None:
    before = replace(judgement(), is_unsure=was_unsure)
    rest = (1.0 - share) / 2
    after = with_verdict(before, np.array([share, rest, rest], np.float32), LabelReading(("math", "chat", "general")))
    assert after.is_unsure is is_unsure
    assert with_verdict(before, np.array([0.1, 0.9], np.float32), LabelReading(strong=1)).is_unsure is was_unsure


def test_classifier_that_knows_no_category_of_the_prompt_changes_nothing() -> None:
    before = judgement()
    assert with_verdict(before, np.array([0.0, 1.0], np.float32), LabelReading(("math", None))) == before
