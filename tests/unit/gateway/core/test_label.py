from dataclasses import replace

import pytest

from pointsman.gateway.core.catalog import Condition
from pointsman.gateway.core.judgement import Difficulty
from pointsman.gateway.core.label import label_of
from tests.unit.gateway.core.samples import judgement


def test_without_a_task_type_the_judgement_stands() -> None:
    label = label_of(judgement("math", b=1.5, a=0.8, difficulty=Difficulty.HARD), None)
    assert (label.task, label.category, label.difficulty) == ("math", "math", Difficulty.HARD)
    assert (label.difficulty_logit, label.discrimination) == (1.5, 0.8)
    assert label.category_weights == (("math", 1.0),)


def test_a_task_type_that_is_a_category_replaces_it() -> None:
    label = label_of(judgement("math"), "coding")
    assert (label.task, label.category, label.category_weights) == ("coding", "coding", (("coding", 1.0),))


def test_a_task_type_that_is_none_only_matches_rules() -> None:
    label = label_of(judgement("coding"), "code-generation")
    assert (label.task, label.category, label.category_weights) == ("code-generation", "coding", (("coding", 1.0),))


def test_without_a_judgement_the_task_type_is_the_label() -> None:
    assert label_of(None, "coding").category_weights == (("coding", 1.0),)
    assert label_of(None, "embeddings").category is None
    assert not label_of(None, "embeddings").is_missing


def test_without_either_the_label_is_missing() -> None:
    label = label_of(None, None)
    assert label.is_missing
    assert (label.difficulty_logit, label.discrimination, label.category_weights, label.is_unsure) == (0.0, 1.0, (), True)


def test_skills_beside_the_categories_are_subjects() -> None:
    asked = replace(judgement("coding"), skills={"coding": 0.5, "crux": 0.3, "mbpp": 0.1})
    assert label_of(asked, None).skill_weights == (("crux", 0.3), ("mbpp", 0.1))
    assert label_of(judgement("coding"), None).skill_weights == ()


def test_a_task_type_that_is_a_category_replaces_the_subjects_too() -> None:
    asked = replace(judgement("math"), skills={"college_mathematics": 0.9})
    assert label_of(asked, "coding").skill_weights == ()
    assert label_of(asked, "code-generation").skill_weights == (("college_mathematics", 0.9),)


@pytest.mark.parametrize(("task_type", "is_unsure"), [("coding", False), ("code-generation", True), (None, True)])
def test_a_caller_who_names_the_category_ends_the_doubt_of_it(task_type: str | None, is_unsure: bool) -> None:  # noqa: FBT001  # a table's column
    assert label_of(replace(judgement("math"), is_unsure=True), task_type).is_unsure is is_unsure


def test_the_same_prompt_of_another_difficulty_asks_for_the_same() -> None:
    label = label_of(replace(judgement("coding"), skills={"crux": 0.3}, is_unsure=True), None)
    harder = label.judged(Difficulty.HARD, 2.0)
    assert (harder.difficulty, harder.difficulty_logit) == (Difficulty.HARD, 2.0)
    assert replace(harder, difficulty=label.difficulty, difficulty_logit=label.difficulty_logit) == label


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition(), True),
        (Condition(category="coding"), True),
        (Condition(category="math"), False),
        (Condition(difficulty="hard"), True),
        (Condition(difficulty="easy"), False),
        (Condition(policy_id="quality"), True),
        (Condition(policy_id="cheap"), False),
        (Condition(category="coding", difficulty="hard", policy_id="quality"), True),
        (Condition(category="coding", difficulty="hard", policy_id="cheap"), False),
    ],
)
def test_every_condition_that_is_set_must_hold(condition: Condition, holds: bool) -> None:  # noqa: FBT001  # a table's column
    assert label_of(judgement("coding", difficulty=Difficulty.HARD), None).satisfies(condition, "quality") is holds
