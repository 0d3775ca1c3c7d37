import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.artifact import Artifact, FusionSettings
from pointsman.classifier.core.fusion import (
    FOREMOST_SKILLS,
    LEAST_SKILL_WEIGHT,
    RULES_UNSURE_BELOW,
    Difficulty,
    Judgement,
    Method,
    Strategy,
    difficulty_of,
    foremost,
    judge,
    rule_evidence,
    with_rule_categories,
)
from pointsman.classifier.core.ports import Embedding
from pointsman.classifier.core.similarity import AddedCategory
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, KeywordRule, RuleMatches, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import FEATURE_COUNT, constant_network, constant_reader, tiny_artifact

RULES = compile_rules([KeywordRule("r", "coding", "sort", 0.5), KeywordRule("strong", "coding", "python", 8.0)])
ENCODER = HashingEncoder()
ARTIFACT = tiny_artifact(ENCODER)
INPUT_SIZE = ARTIFACT.dimensions + FEATURE_COUNT
HYBRID_SIZE = INPUT_SIZE + len(BUILT_IN_CATEGORIES) + 1


def embed(text: str) -> Embedding:
    (row,) = ENCODER.encode([ENCODER.tokenize(text)])
    return np.asarray(row, np.float32)


def judged(
    text: str,
    *,
    strategy: Strategy = Strategy.HYBRID,
    has_embedding: bool = True,
    artifact: Artifact = ARTIFACT,
    added: tuple[AddedCategory, ...] = (),
) -> Judgement:
    return judge(text, RULES.match(text), embed(text) if has_embedding else None, artifact, strategy=strategy, added=added)


def matches_of(probabilities: dict[str, float]) -> RuleMatches:
    return RuleMatches((KeywordRule("r", "coding", "sort", 4.0),), {"coding": 4.0}, probabilities)


def test_silent_rules_are_no_evidence() -> None:
    evidence = rule_evidence(RULES.match("nothing that a rule knows"), BUILT_IN_CATEGORIES)

    assert evidence.dtype == np.float32
    assert evidence.tolist() == [0.0] * (len(BUILT_IN_CATEGORIES) + 1)


def test_rules_that_match_are_evidence_for_their_category() -> None:
    evidence = rule_evidence(RULES.match("sort in python"), BUILT_IN_CATEGORIES)

    assert evidence[:-1].argmax() == BUILT_IN_CATEGORIES.index("coding")
    assert evidence[:-1].sum() == pytest.approx(0.0, abs=1e-5)
    assert evidence[-1] == 1.0


def test_evidence_by_hand() -> None:
    # ln 0.9, ln 0.09 and ln 0.01, the least there is, less their mean.
    logs = [math.log(0.9), math.log(0.09), math.log(0.01)]
    evidence = rule_evidence(matches_of({"a": 0.9, "b": 0.09, "c": 1e-9, "only theirs": 0.01}), ("a", "b", "c"))

    assert evidence.tolist() == pytest.approx([*(each - sum(logs) / 3 for each in logs), 1.0], abs=1e-6)


def test_category_unknown_to_the_rules_is_spoken_against() -> None:
    evidence = rule_evidence(matches_of({"a": 1.0}), ("a", "b"))

    assert np.isfinite(evidence).all()
    assert evidence[0] > 0.0 > evidence[1]


def test_category_that_only_rules_know_has_what_they_give_it() -> None:
    found = with_rule_categories({"coding": 0.5, "math": 0.5}, matches_of({"coding": 0.2, "math": 0.2, "legal": 0.6}))

    assert found == pytest.approx({"coding": 0.2, "math": 0.2, "legal": 0.6})


def test_category_that_only_rules_know_has_nothing_where_they_are_silent() -> None:
    silent = RuleMatches((), {}, {"coding": 0.4, "legal": 0.6})

    assert with_rule_categories({"coding": 1.0}, silent) == {"coding": 1.0, "legal": 0.0}


@given(st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4), st.lists(st.floats(0.001, 1.0), min_size=3, max_size=3))
def test_distribution_stays_one_with_the_rules_categories(rules: list[float], model: list[float]) -> None:
    of_rules = {name: share / sum(rules) for name, share in zip(("a", "b", "c", "legal"), rules, strict=True)}
    of_model = {name: share / sum(model) for name, share in zip(("a", "b", "c"), model, strict=True)}
    found = with_rule_categories(of_model, matches_of(of_rules))

    assert math.isclose(sum(found.values()), 1.0, abs_tol=1e-9)
    assert min(found.values()) >= 0.0


def test_category_that_only_a_rule_knows_can_win() -> None:
    rules = compile_rules([KeywordRule("deed", "legal", "deed", 8.0)])
    judgement = judge("a deed", rules.match("a deed"), embed("a deed"), ARTIFACT)

    assert (judgement.category, judgement.method) == ("legal", Method.HYBRID)
    assert sum(judgement.category_probabilities.values()) == pytest.approx(1.0)
    assert not judgement.is_unsure


@pytest.mark.parametrize(
    ("text", "strategy", "has_embedding", "method", "category"),
    [
        ("sort this", Strategy.RULES, True, Method.RULE_BASED, "coding"),
        ("sort this", Strategy.RULES, False, Method.RULE_BASED, "coding"),
        ("sort in python", Strategy.SIMILARITY, True, Method.ML_BASED, "analysis"),
        ("sort this", Strategy.SIMILARITY, False, Method.DEGRADED, "coding"),
        ("sort this", Strategy.HYBRID, False, Method.DEGRADED, "coding"),
        ("sort this", Strategy.HYBRID, True, Method.HYBRID, "analysis"),
        ("sort in python", Strategy.HYBRID, True, Method.HYBRID, "coding"),
        ("nothing", Strategy.HYBRID, True, Method.ML_BASED, "analysis"),
        ("sort in python", Strategy.FEATURES, False, Method.ML_BASED, "analysis"),
        ("sort in python", Strategy.FEATURES, True, Method.ML_BASED, "analysis"),
    ],
)
def test_strategy_says_who_judges(text: str, strategy: Strategy, has_embedding: bool, method: Method, category: str) -> None:  # noqa: FBT001  # a table's column
    judgement = judged(text, strategy=strategy, has_embedding=has_embedding)

    assert judgement.method is method
    assert judgement.category == category
    if strategy is not Strategy.FEATURES:
        assert judgement.matched_rules == RULES.match(text).rule_names


def test_without_embedding_nothing_is_claimed_of_the_model() -> None:
    judgement = judged("sort this", has_embedding=False)

    assert judgement.ml_confidence is None
    assert judgement.nearest_examples == ()
    assert judgement.skills == {}
    assert judgement.discrimination == 1.0
    assert judgement.complexity_score == pytest.approx(1.0 / (1.0 + math.exp(-judgement.difficulty_logit)))


def test_features_alone_say_category_complexity_and_creativity() -> None:
    reader = constant_reader(FEATURE_COUNT, "math", complexity=1.0, creativity=-2.0)
    judgement = judged("sort in python", strategy=Strategy.FEATURES, has_embedding=False, artifact=replace(ARTIFACT, features=reader))

    assert judgement.category == "math"
    assert judgement.ml_confidence == pytest.approx(judgement.domain_confidence)
    assert (judgement.nearest_examples, judgement.skills, judgement.matched_rules) == ((), {}, ())
    assert judgement.complexity_score == pytest.approx(1.0 / (1.0 + math.exp(-1.0)))
    assert judgement.creativity_score == pytest.approx(1.0 / (1.0 + math.exp(2.0)))
    assert (judgement.difficulty_logit, judgement.discrimination) == (1.0, 1.0)


def test_people_and_models_may_find_different_things_hard() -> None:
    artifact = replace(
        ARTIFACT,
        hybrid=constant_reader(HYBRID_SIZE, "analysis", complexity=-2.0),
        success=constant_network(INPUT_SIZE, b=3.0, log_a=math.log(2.0)),
    )
    judgement = judged("nothing", artifact=artifact)

    assert judgement.difficulty is Difficulty.EASY
    assert judgement.difficulty_logit == pytest.approx(3.0)
    assert judgement.discrimination == pytest.approx(2.0)


def test_judgement_is_consistent() -> None:
    judgement = judged("write a poem about a list")

    assert (
        judgement.domain_confidence
        == judgement.category_probabilities[judgement.category]
        == max(judgement.category_probabilities.values())
    )
    assert judgement.difficulty is difficulty_of(judgement.complexity_score)
    assert [example.similarity for example in judgement.nearest_examples] == sorted(
        (example.similarity for example in judgement.nearest_examples), reverse=True
    )
    assert judged("write a poem about a list") == judgement


@given(st.text(alphabet=st.characters(), max_size=200), st.sampled_from([each for each in Strategy if each is not Strategy.BERT]))
def test_any_text_is_judged_soundly(text: str, strategy: Strategy) -> None:
    judgement = judge(text, RULES.match(text), embed("any"), ARTIFACT, strategy=strategy)

    assert sum(judgement.category_probabilities.values()) == pytest.approx(1.0)
    assert 0.0 <= judgement.complexity_score <= 1.0
    assert 0.0 <= judgement.creativity_score <= 1.0
    assert math.isfinite(judgement.difficulty_logit)
    assert judgement.discrimination > 0.0
    assert all(0.0 <= weight <= 1.0 for weight in judgement.skills.values())


@pytest.mark.parametrize(
    ("complexity", "difficulty"),
    [(0.0, Difficulty.EASY), (0.349, Difficulty.EASY), (0.35, Difficulty.MEDIUM), (0.649, Difficulty.MEDIUM), (0.65, Difficulty.HARD)],
)
def test_difficulty_is_a_class_of_complexity(complexity: float, difficulty: Difficulty) -> None:
    assert difficulty_of(complexity) is difficulty


def test_foremost_skills_are_few_and_greatest_first() -> None:
    names = tuple("abcdefgh")

    assert list(foremost(names, (0.06, 0.3, 0.07, 0.2, 0.1, 0.15, 0.09, 0.03))) == ["b", "d", "f", "e", "g"]
    assert len(foremost(names, [1 / 8] * 8)) == FOREMOST_SKILLS
    assert foremost(names, [LEAST_SKILL_WEIGHT / 2] * 8) == {}
    assert foremost(("a", "b"), (0.98, 0.02)) == {"a": 0.98}
    assert foremost((), ()) == {}


def test_judgement_tells_which_skills_it_asks_for() -> None:
    skills = judged("nothing", artifact=replace(ARTIFACT, success=constant_network(INPUT_SIZE, 0.0, 2.0, -9.0))).skills

    assert list(skills) == ["college_law", "coding"]
    assert sum(skills.values()) == pytest.approx(1.0, abs=1e-3)


# Softmax of one logit s among 7: e^s / (e^s + 6).
@pytest.mark.parametrize(("surety", "is_unsure"), [(math.log(6 * 0.40 / 0.60), True), (math.log(6 * 0.50 / 0.50), False)])
@pytest.mark.parametrize("strategy", [Strategy.HYBRID, Strategy.SIMILARITY, Strategy.FEATURES])
def test_judgement_below_the_bound_is_unsure(strategy: Strategy, surety: float, is_unsure: bool) -> None:  # noqa: FBT001  # a table's column
    artifact = replace(
        ARTIFACT,
        hybrid=constant_reader(HYBRID_SIZE, "math", surety=surety),
        similarity=constant_reader(INPUT_SIZE, "math", surety=surety),
        features=constant_reader(FEATURE_COUNT, "math", surety=surety),
        fusion=FusionSettings(added_similarity=0.6, unsure_below=0.45),
    )
    assert judged("nothing", strategy=strategy, artifact=artifact).is_unsure is is_unsure


@pytest.mark.parametrize("text", ["nothing", "sort this", "python"])
def test_rules_alone_are_unsure_where_another_category_is_as_probable(text: str) -> None:
    judgement = judged(text, strategy=Strategy.RULES)

    assert judgement.is_unsure is (judgement.domain_confidence < RULES_UNSURE_BELOW)
    assert judgement.is_unsure is (text != "python")


@pytest.mark.parametrize("strategy", [Strategy.SIMILARITY, Strategy.HYBRID])
def test_added_category_wins_by_a_near_example(strategy: Strategy) -> None:
    text = "who inherits the house"
    judgement = judged(text, strategy=strategy, added=(AddedCategory("legal", (text,), embed(text)[None, :]),))

    assert judgement.category == "legal"
    assert judgement.method is Method.ML_BASED
    assert judgement.nearest_examples[0].text == text
    assert sum(judgement.category_probabilities.values()) == pytest.approx(1.0)
    assert not judgement.is_unsure


def test_added_category_that_a_rule_knows_too_has_one_probability() -> None:
    text = "a deed of the house"
    rules = compile_rules([KeywordRule("deed", "legal", "deed", 1.0)])
    legal = AddedCategory("legal", (text,), embed(text)[None, :])
    judgement = judge(text, rules.match(text), embed(text), ARTIFACT, added=[legal])

    assert judgement.category == "legal"
    assert sum(judgement.category_probabilities.values()) == pytest.approx(1.0)


def test_added_category_far_away_changes_nothing() -> None:
    far = AddedCategory("legal", ("zzz",), -embed("sort this")[None, :])

    assert judged("sort this", added=(far,)) == judged("sort this")
