import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.artifact import FusionSettings
from pointsman.classifier.core.fusion import Difficulty, Judgement, Method, Strategy, difficulty_of, fuse, judge
from pointsman.classifier.core.ports import Embedding
from pointsman.classifier.core.similarity import AddedCategory
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, KeywordRule, RuleMatches, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import tiny_artifact

SETTINGS = FusionSettings(rules_sure=0.7, model_sure=0.8, rules_weight=1.0, model_weight=1.0, added_similarity=0.6)
RULE = KeywordRule("r", "coding", "sort", 4.0)
RULES = compile_rules([RULE])
ENCODER = HashingEncoder()
ARTIFACT = tiny_artifact(ENCODER)


def distribution(category: str, probability: float) -> dict[str, float]:
    rest = (1.0 - probability) / (len(BUILT_IN_CATEGORIES) - 1)
    return {name: probability if name == category else rest for name in BUILT_IN_CATEGORIES}


def matches_of(category: str, confidence: float) -> RuleMatches:
    return RuleMatches((RULE,), {category: 1.0}, distribution(category, confidence))


def embed(text: str) -> Embedding:
    (row,) = ENCODER.encode([ENCODER.tokenize(text)])
    return np.asarray(row, np.float32)


def judged(text: str, *, strategy: Strategy = Strategy.HYBRID, has_embedding: bool = True) -> Judgement:
    return judge(text, RULES.match(text), embed(text) if has_embedding else None, ARTIFACT, strategy=strategy)


@pytest.mark.parametrize(
    ("rules", "model", "category", "method"),
    [
        pytest.param(("coding", 0.9), ("coding", 0.9), "coding", Method.HYBRID, id="both sure, agree"),
        pytest.param(("coding", 0.5), ("coding", 0.5), "coding", Method.HYBRID, id="both unsure, agree"),
        pytest.param(("coding", 0.75), ("chat", 0.99), "chat", Method.HYBRID, id="both sure, differ, model surer"),
        pytest.param(("coding", 0.99), ("chat", 0.85), "coding", Method.HYBRID, id="both sure, differ, rules surer"),
        pytest.param(("coding", 0.9), ("chat", 0.6), "coding", Method.RULE_BASED, id="only rules sure"),
        pytest.param(("coding", 0.5), ("chat", 0.9), "chat", Method.ML_BASED, id="only model sure"),
        pytest.param(("coding", 0.4), ("chat", 0.6), "chat", Method.HYBRID, id="both unsure, differ"),
    ],
)
def test_rules_and_model_are_joined(rules: tuple[str, float], model: tuple[str, float], category: str, method: Method) -> None:
    opinion = fuse(matches_of(*rules), distribution(*model), SETTINGS)

    assert max(opinion.probabilities, key=opinion.probabilities.__getitem__) == category
    assert opinion.method is method


def test_agreement_makes_surer_than_either() -> None:
    opinion = fuse(matches_of("coding", 0.6), distribution("coding", 0.7), SETTINGS)

    assert opinion.probabilities["coding"] > 0.7


def test_disagreement_makes_less_sure_than_either() -> None:
    opinion = fuse(matches_of("coding", 0.9), distribution("chat", 0.9), SETTINGS)

    assert max(opinion.probabilities.values()) < 0.9


def test_silent_rules_leave_the_model_alone() -> None:
    silent = RULES.match("nothing that a rule knows")

    opinion = fuse(silent, distribution("math", 0.3), SETTINGS)

    assert opinion.method is Method.ML_BASED
    assert opinion.probabilities == distribution("math", 0.3)


PROBABILITIES = st.floats(1 / 7, 1.0)


@given(st.sampled_from(BUILT_IN_CATEGORIES), PROBABILITIES, st.sampled_from(BUILT_IN_CATEGORIES), PROBABILITIES)
def test_fused_probabilities_are_a_distribution(rules: str, sure: float, model: str, how_sure: float) -> None:
    probabilities: Mapping[str, float] = fuse(matches_of(rules, sure), distribution(model, how_sure), SETTINGS).probabilities

    assert math.isclose(sum(probabilities.values()), 1.0, abs_tol=1e-6)
    assert min(probabilities.values()) >= 0.0


def test_category_that_only_a_rule_knows_can_win() -> None:
    rules = compile_rules([KeywordRule("deed", "legal", "deed", 8.0)])

    opinion = fuse(rules.match("a deed"), distribution("question", 0.5), SETTINGS)

    assert max(opinion.probabilities, key=opinion.probabilities.__getitem__) == "legal"


@pytest.mark.parametrize(
    ("strategy", "has_embedding", "method", "category"),
    [
        (Strategy.RULES, True, Method.RULE_BASED, "coding"),
        (Strategy.RULES, False, Method.RULE_BASED, "coding"),
        (Strategy.SIMILARITY, True, Method.ML_BASED, "analysis"),
        (Strategy.SIMILARITY, False, Method.DEGRADED, "coding"),
        (Strategy.HYBRID, False, Method.DEGRADED, "coding"),
        (Strategy.HYBRID, True, Method.HYBRID, "analysis"),
    ],
)
def test_strategy_says_who_judges(strategy: Strategy, has_embedding: bool, method: Method, category: str) -> None:  # noqa: FBT001  # a table's column
    judgement = judged("sort this", strategy=strategy, has_embedding=has_embedding)

    assert judgement.method is method
    assert judgement.category == category
    assert judgement.matched_rules == ("coding/r",)


def test_without_embedding_nothing_is_claimed_of_the_model() -> None:
    judgement = judged("sort this", has_embedding=False)

    assert judgement.ml_confidence is None
    assert judgement.nearest_examples == ()
    assert judgement.discrimination == 1.0


def test_judgement_is_consistent() -> None:
    judgement = judged("write a poem about a list")

    assert judgement.domain_confidence == max(judgement.category_probabilities.values())
    assert judgement.complexity_score == pytest.approx(1.0 / (1.0 + math.exp(-judgement.difficulty_logit)))
    assert judgement.difficulty is difficulty_of(judgement.complexity_score)
    assert [example.similarity for example in judgement.nearest_examples] == sorted(
        (example.similarity for example in judgement.nearest_examples), reverse=True
    )
    assert judged("write a poem about a list") == judgement


@pytest.mark.parametrize(
    ("complexity", "difficulty"),
    [(0.0, Difficulty.EASY), (0.349, Difficulty.EASY), (0.35, Difficulty.MEDIUM), (0.649, Difficulty.MEDIUM), (0.65, Difficulty.HARD)],
)
def test_difficulty_is_a_class_of_complexity(complexity: float, difficulty: Difficulty) -> None:
    assert difficulty_of(complexity) is difficulty


@pytest.mark.parametrize("strategy", [Strategy.SIMILARITY, Strategy.HYBRID])
def test_added_category_wins_by_a_near_example(strategy: Strategy) -> None:
    text = "who inherits the house"
    legal = AddedCategory("legal", (text,), embed(text)[None, :])

    judgement = judge(text, RULES.match(text), embed(text), ARTIFACT, strategy=strategy, added=[legal])

    assert judgement.category == "legal"
    assert judgement.method is Method.ML_BASED
    assert judgement.nearest_examples[0].text == text
    assert sum(judgement.category_probabilities.values()) == pytest.approx(1.0)


def test_added_category_far_away_changes_nothing() -> None:
    far = AddedCategory("legal", ("zzz",), -embed("sort this")[None, :])

    judgement = judge("sort this", RULES.match("sort this"), embed("sort this"), ARTIFACT, added=[far])

    assert judgement.category == judged("sort this").category
