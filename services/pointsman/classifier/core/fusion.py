"""One judgement out of what the keyword rules and the learned heads say.

The rules are one more witness of the hybrid reader: how far they are to be believed, and beside which words and meanings,
was learned on prompts that they were not written for. Stacked generalisation, Wolpert 1992.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.features import lexical_features
from pointsman.classifier.core.heads import by_name, sigmoid
from pointsman.classifier.core.ngrams import ngrams_of
from pointsman.classifier.core.similarity import AddedCategory, NearestExample, added_category_of, nearest_examples
from pointsman.rules import difficulty as rule_difficulty
from pointsman.rules.keyword_rules import RuleMatches
from pointsman.rules.text_window import text_window

# Below it the rules' word is as likely wrong as right, where they judge alone; their confidence is too low if anything.
RULES_UNSURE_BELOW = 0.5
# The rules speak against a category with no more than this, however sure they are.
LEAST_RULE_PROBABILITY = 0.01
# Of the skills' weights, what is worth telling.
FOREMOST_SKILLS = 5
LEAST_SKILL_WEIGHT = 0.05


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
    FEATURES = "features"  # the text's form and letters alone: no encoder runs
    BERT = "bert"  # hybrid, and in it what a fine-tuned classifier says: core/fine_tuned.py


# They run no encoder, and take no longer than finding a kept judgement again.
WITHOUT_EMBEDDING = frozenset({Strategy.RULES, Strategy.FEATURES})


@dataclass(frozen=True, slots=True)
class Judgement:
    """Category and difficulty of one prompt, with the reasons."""

    category: str
    category_probabilities: Mapping[str, float]  # sums to 1
    difficulty_logit: float  # b of the item-response model: how hard for models
    discrimination: float  # a of the item-response model, above 0
    complexity_score: float  # 0 to 1: how hard people find it
    difficulty: Difficulty  # class of complexity_score
    creativity_score: float  # 0 to 1
    domain_confidence: float  # probability of `category` after fusion
    ml_confidence: float | None  # the head's own for its best category; None: it did not run
    method: Method
    matched_rules: tuple[str, ...]  # "category/name", strongest first
    nearest_examples: tuple[NearestExample, ...]  # nearest first; empty without an embedding
    skills: Mapping[str, float]  # weights of the foremost skills that it asks for; empty without an embedding
    is_unsure: bool  # too doubtful to save money by


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
    then the rules alone judge, and the method says degraded unless the strategy asked for no embedding.
    """
    if strategy is Strategy.FEATURES:
        return judge_by_features(text, artifact)
    if strategy is Strategy.RULES or embedding is None:
        return judge_by_rules(text, matches, Method.RULE_BASED if strategy is Strategy.RULES else Method.DEGRADED)
    ngrams = ngrams_of(text)
    inputs = np.concatenate((embedding, scaled_features(text, artifact)))
    learned = artifact.similarity.read(inputs, ngrams)
    reading, method = learned, Method.ML_BASED
    if strategy is not Strategy.SIMILARITY:
        reading = artifact.hybrid.read(np.concatenate((inputs, rule_evidence(matches, artifact.categories))), ngrams)
        method = Method.HYBRID if matches.matched else Method.ML_BASED
    probabilities = by_name(artifact.categories, reading.probabilities)
    if strategy is not Strategy.SIMILARITY:
        probabilities = with_rule_categories(probabilities, matches)
    nearest = nearest_examples(embedding, artifact.examples, added)
    if (found := added_category_of(nearest, added, artifact.fusion.added_similarity)) is not None:
        probabilities, method = with_added(probabilities, found), Method.ML_BASED
    demand = artifact.success.demand(inputs)
    return judgement_of(
        probabilities,
        b=demand.difficulty_logit,
        a=demand.discrimination,
        complexity=sigmoid(reading.complexity_logit),
        creativity=sigmoid(reading.creativity_logit),
        ml_confidence=float(learned.probabilities.max()),
        method=method,
        matched_rules=matches.rule_names,
        nearest=nearest,
        skills=foremost(artifact.success.skills, demand.skill_weights),
        unsure_below=artifact.fusion.unsure_below,
    )


def judge_by_features(text: str, artifact: Artifact) -> Judgement:
    """The judgement by the text's form and letters. For models it is as hard as for people: more is not known."""
    reading = artifact.features.read(scaled_features(text, artifact), ngrams_of(text))
    return judgement_of(
        by_name(artifact.categories, reading.probabilities),
        b=reading.complexity_logit,
        a=rule_difficulty.RULES_DISCRIMINATION,
        complexity=sigmoid(reading.complexity_logit),
        creativity=sigmoid(reading.creativity_logit),
        ml_confidence=float(reading.probabilities.max()),
        method=Method.ML_BASED,
        matched_rules=(),
        nearest=(),
        skills={},
        unsure_below=artifact.fusion.unsure_below,
    )


def judge_by_rules(text: str, matches: RuleMatches, method: Method) -> Judgement:
    """The judgement of the rules alone, which needs no artefact."""
    b = rule_difficulty.difficulty_logit(text, matches)
    return judgement_of(
        matches.probabilities,
        b=b,
        a=rule_difficulty.RULES_DISCRIMINATION,
        complexity=sigmoid(b),
        creativity=rule_difficulty.creativity_score(matches),
        ml_confidence=None,
        method=method,
        matched_rules=matches.rule_names,
        nearest=(),
        skills={},
        unsure_below=RULES_UNSURE_BELOW,
    )


def scaled_features(text: str, artifact: Artifact) -> NDArray[np.float32]:
    """float32 (f,): the lexical features of the text's window, as the heads read them."""
    return artifact.scaling.apply(lexical_features(text_window(text)))


def rule_evidence(matches: RuleMatches, categories: Sequence[str]) -> NDArray[np.float32]:
    """float32 (k + 1,): the rules' log-probability of each category less their mean, then 1; all 0 where no rule matched."""
    if not matches.matched:
        return np.zeros(len(categories) + 1, np.float32)
    logs = np.log([max(LEAST_RULE_PROBABILITY, matches.probabilities.get(category, 0.0)) for category in categories])
    return np.append(logs - logs.mean(), 1.0).astype(np.float32)


def with_rule_categories(probabilities: Mapping[str, float], matches: RuleMatches) -> dict[str, float]:
    """The distribution with what the rules give to categories that only they know."""
    known_to_rules = {name: share for name, share in matches.probabilities.items() if name not in probabilities}
    rest = 1.0 - sum(known_to_rules.values()) if matches.matched else 1.0
    scaled = {name: share * rest for name, share in probabilities.items()}
    return scaled | {name: share if matches.matched else 0.0 for name, share in known_to_rules.items()}


def foremost(skills: Sequence[str], weights: Sequence[float]) -> dict[str, float]:
    """The skills with the greatest weights, greatest first."""
    order = sorted(range(len(skills)), key=weights.__getitem__, reverse=True)[:FOREMOST_SKILLS]
    return {skills[index]: weights[index] for index in order if weights[index] >= LEAST_SKILL_WEIGHT}


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
    complexity: float,
    creativity: float,
    ml_confidence: float | None,
    method: Method,
    matched_rules: tuple[str, ...],
    nearest: tuple[NearestExample, ...],
    skills: Mapping[str, float],
    unsure_below: float,
) -> Judgement:
    """Complete a judgement with what follows from its numbers."""
    category = max(probabilities, key=probabilities.__getitem__)
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
        skills=skills,
        is_unsure=probabilities[category] < unsure_below,
    )


def difficulty_of(complexity: float) -> Difficulty:
    """Class of a complexity score."""
    if complexity < rule_difficulty.MEDIUM_FROM:
        return Difficulty.EASY
    return Difficulty.MEDIUM if complexity < rule_difficulty.HARD_FROM else Difficulty.HARD
