"""One judgement out of what the keyword rules and the learned heads say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core import heads
from pointsman.classifier.core.artifact import Artifact, FusionSettings
from pointsman.classifier.core.features import lexical_features
from pointsman.classifier.core.similarity import AddedCategory, NearestExample, added_category_of, nearest_examples
from pointsman.rules import difficulty as rule_difficulty
from pointsman.rules.keyword_rules import RuleMatches
from pointsman.rules.text_window import text_window

# In a mixture no witness speaks against a category with more than this: where rules and model are both sure and
# differ, what comes out is then a doubt, not whichever has the longer tail. 0.001 to 0.02 do equally well.
LEAST_PROBABILITY = 0.01


class Difficulty(StrEnum):
    """Class of the complexity score."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Method(StrEnum):
    """What a judgement rests on."""

    RULE_BASED = "rule-based"
    ML_BASED = "ml-based"
    HYBRID = "hybrid"
    DEGRADED = "degraded"  # rules, because there is no embedding


class Strategy(StrEnum):
    """How to classify."""

    RULES = "rules"
    SIMILARITY = "similarity"
    HYBRID = "hybrid"
    BERT = "bert"  # hybrid, and in it what a fine-tuned classifier says: core/fine_tuned.py


@dataclass(frozen=True, slots=True)
class Judgement:
    """Category and difficulty of one prompt, with the reasons."""

    category: str
    category_probabilities: Mapping[str, float]  # sums to 1
    difficulty_logit: float  # b of the item-response model
    discrimination: float  # a of the item-response model, above 0
    complexity_score: float  # sigmoid(b)
    difficulty: Difficulty
    creativity_score: float  # 0 to 1
    domain_confidence: float  # probability of `category` after fusion
    ml_confidence: float | None  # the head's own for its best category; None: it did not run
    method: Method
    matched_rules: tuple[str, ...]  # "category/name", strongest first
    nearest_examples: tuple[NearestExample, ...]  # nearest first; empty without an embedding
    is_unsure: bool = False  # too doubtful to save money by


@dataclass(frozen=True, slots=True)
class Opinion:
    """A distribution over categories, and how it came about."""

    probabilities: Mapping[str, float]
    method: Method


def judge(
    text: str,
    matches: RuleMatches,
    embedding: NDArray[np.float32] | None,
    artifact: Artifact,
    *,
    strategy: Strategy = Strategy.HYBRID,
    added: Sequence[AddedCategory] = (),
) -> Judgement:
    """Judge one prompt.

    matches: of the rules on the same text. embedding: (d,), L2-normalised; None: none could be made,
    then the rules alone judge, and the method says degraded unless the strategy asked for no more.
    """
    if strategy is Strategy.RULES or embedding is None:
        return judge_by_rules(text, matches, Method.RULE_BASED if strategy is Strategy.RULES else Method.DEGRADED)
    inputs = heads.head_inputs(embedding, lexical_features(text_window(text)))
    learned = heads.by_category(
        artifact.categories, heads.category_probabilities(artifact.category_head, inputs, artifact.category_temperature)
    )
    nearest = nearest_examples(embedding, artifact.examples, added)
    opinion = Opinion(learned, Method.ML_BASED) if strategy is Strategy.SIMILARITY else fuse(matches, learned, artifact.fusion)
    found = added_category_of(nearest, added, artifact.fusion.added_similarity)
    probabilities = opinion.probabilities if found is None else with_added(opinion.probabilities, found)
    return judgement_of(
        probabilities,
        b=heads.difficulty_logit(artifact.difficulty_head, inputs),
        a=heads.discrimination(artifact.discrimination_head, inputs),
        creativity=heads.creativity_score(artifact.creativity_head, inputs),
        ml_confidence=max(learned.values()),
        method=opinion.method if found is None else Method.ML_BASED,
        matched_rules=matches.rule_names,
        nearest=nearest,
    )


def judge_by_rules(text: str, matches: RuleMatches, method: Method) -> Judgement:
    """The judgement of the rules alone, which needs no artefact."""
    return judgement_of(
        matches.probabilities,
        b=rule_difficulty.difficulty_logit(text, matches),
        a=rule_difficulty.RULES_DISCRIMINATION,
        creativity=rule_difficulty.creativity_score(matches),
        ml_confidence=None,
        method=method,
        matched_rules=matches.rule_names,
        nearest=(),
    )


def fuse(matches: RuleMatches, learned: Mapping[str, float], settings: FusionSettings) -> Opinion:
    """Join rules and model:

    | rules \\ model | agrees         | differs, sure | differs, unsure |
    | ------------- | -------------- | ------------- | --------------- |
    | sure          | mixture: boost | mixture       | rules alone     |
    | unsure        | mixture: boost | model alone   | mixture         |
    | silent        | model alone    | model alone   | model alone     |
    """
    if not matches.matched:
        return Opinion(over(matches.probabilities, learned), Method.ML_BASED)
    best = max(learned, key=learned.__getitem__)
    rules_sure = matches.confidence > settings.rules_sure
    model_sure = learned[best] > settings.model_sure
    if matches.category == best or rules_sure == model_sure:
        return Opinion(mixture(matches.probabilities, learned, settings), Method.HYBRID)
    if rules_sure:
        return Opinion(matches.probabilities, Method.RULE_BASED)
    return Opinion(over(matches.probabilities, learned), Method.ML_BASED)


def mixture(rules: Mapping[str, float], learned: Mapping[str, float], settings: FusionSettings) -> dict[str, float]:
    """Logarithmic opinion pool, Genest and Zidek 1986, section 3: p ∝ rules^r · learned^m, with fitted exponents.

    It is bolder than both where they agree, and between them where they do not. A category that
    only the rules know has what the model gives its least likely one.
    """
    floor = min(learned.values())
    logits = {
        category: settings.rules_weight * safe_log(probability) + settings.model_weight * safe_log(learned.get(category, floor))
        for category, probability in rules.items()
    }
    top = max(logits.values())
    powers = {category: math.exp(logit - top) for category, logit in logits.items()}
    total = sum(powers.values())
    return {category: power / total for category, power in powers.items()}


def over(categories: Mapping[str, float], probabilities: Mapping[str, float]) -> dict[str, float]:
    """A distribution over all that the rules know; 0 for what only they know."""
    return {category: probabilities.get(category, 0.0) for category in categories}


def with_added(probabilities: Mapping[str, float], found: NearestExample) -> dict[str, float]:
    """The distribution with an added category, which has the similarity of its nearest example as its probability."""
    share = min(1.0, found.similarity)
    others = sum(value for category, value in probabilities.items() if category != found.category)
    scale = (1.0 - share) / others if others > 0.0 else 0.0
    scaled = {category: value * scale for category, value in probabilities.items()}
    return scaled | {found.category: 1.0 - sum(value for category, value in scaled.items() if category != found.category)}


def judgement_of(
    probabilities: Mapping[str, float],
    *,
    b: float,
    a: float,
    creativity: float,
    ml_confidence: float | None,
    method: Method,
    matched_rules: tuple[str, ...],
    nearest: tuple[NearestExample, ...],
) -> Judgement:
    """Complete a judgement with what follows from its numbers."""
    category = max(probabilities, key=probabilities.__getitem__)
    complexity = 1.0 / (1.0 + math.exp(-b))
    return Judgement(
        category=category,
        category_probabilities=probabilities,
        difficulty_logit=b,
        discrimination=a,
        complexity_score=complexity,
        difficulty=difficulty_of(complexity),
        creativity_score=creativity,
        domain_confidence=probabilities[category],
        ml_confidence=ml_confidence,
        method=method,
        matched_rules=matched_rules,
        nearest_examples=nearest,
    )


def difficulty_of(complexity: float) -> Difficulty:
    """Class of a complexity score."""
    if complexity < rule_difficulty.MEDIUM_FROM:
        return Difficulty.EASY
    return Difficulty.MEDIUM if complexity < rule_difficulty.HARD_FROM else Difficulty.HARD


def safe_log(probability: float) -> float:
    """Logarithm of a probability, which is at least LEAST_PROBABILITY."""
    return math.log(max(LEAST_PROBABILITY, probability))
