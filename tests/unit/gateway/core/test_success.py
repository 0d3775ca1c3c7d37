import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.catalog import ModelStatus
from pointsman.gateway.core.label import Label, label_of
from pointsman.gateway.core.logistic import logit, sigmoid
from pointsman.gateway.core.success import (
    DEFAULT_LOWEST_THETA,
    DEFAULT_QUALITY_OFFSET,
    Abilities,
    Theta,
    success_probability,
    weighted_skill,
)
from tests.unit.gateway.core.samples import catalog, judgement, model

CODING = label_of(judgement("coding"), None)


def label(categories: tuple[tuple[str, float], ...], subjects: tuple[tuple[str, float], ...] = ()) -> Label:
    """Of an average prompt with these weights."""
    return replace(CODING, category_weights=categories, skill_weights=subjects)


def test_theta_is_the_mean_of_skills_over_categories() -> None:
    # 0.7 * 2 + 0.2 * (-1) + 0.1 * 0.5 (overall) = 1.25.
    skills = {"overall": 0.5, "coding": 2.0, "math": -1.0}
    assert weighted_skill(skills, label((("coding", 0.7), ("math", 0.2), ("chat", 0.1)))) == pytest.approx(1.25)


def test_a_category_without_a_skill_counts_as_overall() -> None:
    assert weighted_skill({"overall": 0.5}, label((("coding", 1.0),))) == 0.5


def test_without_overall_the_mean_of_the_skills_stands_in() -> None:
    assert weighted_skill({"coding": 1.0, "math": 3.0}, label((("chat", 1.0),))) == 2.0


def test_without_category_overall_is_taken() -> None:
    assert weighted_skill({"overall": 0.5, "coding": 3.0}, label(())) == 0.5


def test_subjects_that_the_model_has_win_over_its_categories() -> None:
    # Categories: 2. Law 0.6 * -1, medicine 0.3 * 4, and 0.1 of the 2.
    skills = {"overall": 0.0, "coding": 2.0, "college_law": -1.0, "college_medicine": 4.0}
    wanted = label((("coding", 1.0),), (("college_law", 0.6), ("college_medicine", 0.3)))
    assert weighted_skill(skills, wanted) == pytest.approx(0.6 * -1.0 + 0.3 * 4.0 + 0.1 * 2.0)


def test_a_subject_that_the_model_has_not_counts_as_its_category() -> None:
    wanted = label((("coding", 0.5), ("math", 0.5)), (("college_law", 0.9),))
    assert weighted_skill({"overall": 0.0, "coding": 2.0, "math": 1.0}, wanted) == pytest.approx(1.5)


def test_a_subject_alone_decides_where_the_prompt_asks_for_nothing_else() -> None:
    assert weighted_skill({"overall": 0.0, "coding": 2.0, "crux": -3.0}, label((("coding", 1.0),), (("crux", 1.0),))) == pytest.approx(-3.0)


@given(st.floats(0.0, 1.0), st.floats(-4.0, 4.0), st.floats(-4.0, 4.0))
def test_ability_lies_between_the_category_and_the_subject(weight: float, of_category: float, of_subject: float) -> None:
    theta = weighted_skill({"coding": of_category, "crux": of_subject, "overall": 0.0}, label((("coding", 1.0),), (("crux", weight),)))
    assert min(of_category, of_subject) - 1e-9 <= theta <= max(of_category, of_subject) + 1e-9


def test_the_model_that_is_better_at_the_subject_is_the_abler() -> None:
    of_law = label_of(replace(judgement("question"), skills={"professional_law": 0.8, "question": 0.2}), None)
    lawyer = model("lawyer", skills={"overall": 0.0, "question": 0.0, "professional_law": 2.0})
    generalist = model("generalist", skills={"overall": 0.5, "question": 0.5})
    abilities = Abilities(catalog(lawyer, generalist))
    assert abilities.theta_of(lawyer, of_law).value == pytest.approx(1.6)
    assert abilities.theta_of(generalist, of_law).value == pytest.approx(0.5)


def test_success_by_hand() -> None:
    # sigmoid(2 * (1 - 0.5)) = 1 / (1 + e^-1) = 0.7311.
    of_prompt = label_of(judgement(b=0.5, a=2.0), None)
    assert success_probability(1.0, of_prompt) == pytest.approx(0.7310585786)


@given(st.floats(-1e6, 1e6))
def test_sigmoid_never_overflows_and_mirrors(x: float) -> None:
    assert 0.0 <= sigmoid(x) <= 1.0
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(1.0)


@given(st.floats(0.001, 0.999))
def test_logit_inverts_sigmoid(p: float) -> None:
    assert sigmoid(logit(p)) == pytest.approx(p)


def test_quality_is_fitted_on_models_that_have_both() -> None:
    # logit(0.9) - 1.2 = 0.997 and logit(0.7) - (-0.4) = 1.247, so c = 1.122.
    both = [model("a", theta=1.2, quality_score=0.9), model("b", theta=-0.4, quality_score=0.7)]
    abilities = Abilities(catalog(*both, model("q", theta=None, quality_score=0.8)))
    c = ((math.log(9) - 1.2) + (math.log(7 / 3) + 0.4)) / 2
    theta = abilities.theta_of(model("q", theta=None, quality_score=0.8), CODING)
    assert theta.source == "quality_score"
    assert theta.value == pytest.approx(math.log(4) - c)


def test_without_a_model_that_has_both_the_default_offset_holds() -> None:
    only = model("q", theta=None, quality_score=0.8)
    assert Abilities(catalog(only)).theta_of(only, CODING).value == pytest.approx(math.log(4) - DEFAULT_QUALITY_OFFSET)


@pytest.mark.parametrize("quality", [0.0, 1.0])
def test_extreme_quality_stays_finite(quality: float) -> None:
    only = model("q", theta=None, quality_score=quality)
    assert abs(Abilities(catalog(only)).theta_of(only, CODING).value) < 6


def test_a_model_of_unknown_ability_is_assumed_to_be_the_lowest_active_one() -> None:
    unknown = model("u", theta=None)
    disabled = replace(model("off", theta=-9.0), status=ModelStatus.DISABLED)
    abilities = Abilities(catalog(model("a", theta=1.0), model("b", theta=-0.5), disabled, unknown))
    assert abilities.theta_of(unknown, CODING) == Theta(-0.5, "assumed")


def test_where_nothing_is_known_an_average_is_assumed() -> None:
    unknown = model("u", theta=None)
    assert Abilities(catalog(unknown)).theta_of(unknown, CODING) == Theta(DEFAULT_LOWEST_THETA, "assumed")
