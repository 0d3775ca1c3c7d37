"""What graded answers do to a decision: by hand, and within their bounds whatever was graded."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.label import label_of
from pointsman.gateway.core.logistic import logit
from pointsman.gateway.core.outcomes import MAX_SHIFT, NO_OUTCOMES, Outcomes, OutcomeStat, outcomes_of, shift_by
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import RankedCandidate
from pointsman.gateway.core.success import Abilities
from tests.unit.gateway.core.samples import EVERYTHING_CALLABLE, catalog, judgement, model, request

GRADED = OutcomeStat("m", "coding", graded_count=30, grade_sum=24.0, predicted_sum=15.0, answer_count=0)
# logit((24 + 30 * 0.5) / 60) - logit(0.5) = logit(0.65).
SHIFT = math.log(0.65 / 0.35)


def only(outcomes: Outcomes = NO_OUTCOMES, *, category: str = "coding", **changes: object) -> RankedCandidate:
    """The one candidate, of ability 0, for a prompt of difficulty 0."""
    return decide(request(**changes), judgement(category), catalog(model("m")), EVERYTHING_CALLABLE, outcomes).ranking[0]


def test_the_shift_by_hand() -> None:
    assert shift_by(30, 24.0, 15.0) == pytest.approx(SHIFT)


@pytest.mark.parametrize("graded_count", [1, 30, 100_000])
def test_what_comes_true_as_foretold_shifts_nothing(graded_count: int) -> None:
    assert shift_by(graded_count, 0.3 * graded_count, 0.3 * graded_count) == pytest.approx(0.0)


def test_one_grade_moves_little_and_many_move_to_what_is_observed() -> None:
    # One bad answer of a model that succeeds 3 times in 4: logit(22.5 / 31) - logit(0.75) = -0.126.
    assert shift_by(1, 0.0, 0.75) == pytest.approx(logit(22.5 / 31) - logit(0.75))
    assert shift_by(100_000, 80_000.0, 75_000.0) == pytest.approx(logit(0.8) - logit(0.75), abs=1e-3)


@given(st.integers(1, 10**9), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_shift_is_bounded_and_has_the_sign_of_the_surprise(count: int, grade: float, predicted: float) -> None:
    shift = shift_by(count, grade * count, predicted * count)
    assert -MAX_SHIFT <= shift <= MAX_SHIFT
    if abs(grade - predicted) > 1e-5:
        assert shift * (grade - predicted) >= 0.0


@given(st.integers(1, 1_000), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.01, 0.99))
def test_a_better_grade_never_lowers_an_ability(count: int, one: float, other: float, predicted: float) -> None:
    low, high = sorted((one, other))
    assert shift_by(count, low * count, predicted * count) <= shift_by(count, high * count, predicted * count) + 1e-9


def test_the_shift_of_a_prompt_is_the_mean_over_its_categories() -> None:
    outcomes = outcomes_of(3, [GRADED, replace(GRADED, category="math", grade_sum=15.0)])
    assert outcomes.shift_of("m", (("coding", 0.6), ("math", 0.3), ("chat", 0.1))) == pytest.approx(0.6 * SHIFT)
    assert outcomes.shift_of("m", (("chat", 1.0),)) is None
    assert outcomes.shift_of("other", (("coding", 1.0),)) is None
    assert outcomes.shift_of("m", ()) is None, "a prompt that was not classified"


def test_without_graded_answers_nothing_is_shifted() -> None:
    outcomes = outcomes_of(3, [replace(GRADED, graded_count=0, grade_sum=0.0, predicted_sum=0.0, answer_count=5)])
    assert only(outcomes) == only()


def test_a_decision_is_made_with_the_shift_and_says_so() -> None:
    before, after = only(), only(outcomes_of(17, [GRADED]))
    assert (before.success_probability, before.sources["success"]) == (0.5, "ability")
    assert after.success_probability == pytest.approx(0.65)
    assert after.predicted_success == pytest.approx(0.5), "what ability alone foretold is what the next grade is held against"
    assert (after.sources["success"], after.sources["outcomes_version"]) == ("ability+outcomes", "17")
    assert after.reasons[0] == "success 0.65, raised from 0.50 by graded answers"
    assert "outcomes_version" not in before.sources


def test_a_shift_that_does_not_show_is_a_source_and_no_reason() -> None:
    after = only(outcomes_of(17, [replace(GRADED, grade_sum=15.01)]))
    assert (after.sources["success"], after.reasons[0]) == ("ability+outcomes", "success 0.50")


def test_another_category_is_not_touched() -> None:
    assert only(outcomes_of(17, [GRADED]), category="math") == only(category="math")


def test_what_stands_in_for_an_ability_is_shifted_too() -> None:
    scored = model("m", theta=None, quality_score=0.8)
    theta = Abilities(catalog(scored), outcomes_of(1, [GRADED])).theta_of(scored, label_of(judgement(), None))
    assert theta.full_source == "quality_score+outcomes"
    assert theta.shift == pytest.approx(SHIFT)
    assert theta.unshifted == pytest.approx(logit(0.8) - 1.0)


def test_better_grades_change_who_is_first() -> None:
    two = catalog(model("a", theta=0.3), model("m"))
    assert decide(request(), judgement(), two, EVERYTHING_CALLABLE).ranking[0].model.id == "a"
    assert decide(request(), judgement(), two, EVERYTHING_CALLABLE, outcomes_of(2, [GRADED])).ranking[0].model.id == "m"


def answered(model_id: str, count: int, median: int | None) -> OutcomeStat:
    return OutcomeStat(model_id, "coding", 0, 0.0, 0.0, count, median)


@pytest.mark.parametrize(
    ("stats", "changes", "token_count", "source"),
    [
        ([], {}, 500, "category_prior"),
        ([answered("m", 9, 20)], {}, 500, "category_prior"),
        ([answered("m", 10, 20)], {}, 20, "category_median"),
        ([answered("m", 5, 20), answered("gone", 6, 900)], {}, 900, "category_median"),
        ([answered("m", 10, None)], {}, 500, "category_prior"),
        ([answered("m", 10, 90)], {"max_output_token_count": 30}, 30, "max_tokens"),
        ([answered("m", 10, 90_000)], {}, 16_000, "model_limit"),
    ],
    ids=["nothing", "too few", "enough", "of all models", "not measured", "by request", "by model"],
)
def test_the_usual_length_is_the_categorys_median(
    stats: list[OutcomeStat], changes: dict[str, object], token_count: int, source: str
) -> None:
    needs = only(outcomes_of(5, stats), category="coding", **changes)
    assert (needs.expected_output_token_count, needs.sources["output_tokens"]) == (token_count, source)
    assert needs.sources.get("outcomes_version") == ("5" if source == "category_median" else None)
