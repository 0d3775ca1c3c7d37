"""How well a classifier does on labelled prompts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.fusion import Judgement, Strategy, judge
from pointsman.learning.labelled import LabelledPrompt
from pointsman.learning.training import TrainingData, train_artifact
from pointsman.rules.keyword_rules import RuleSet

BOOTSTRAP_SAMPLES = 2_000
BOOTSTRAP_SEED = 0
CALIBRATION_BINS = 10
NO_TAG = "plain"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A labelled prompt and what was said of it."""

    prompt: LabelledPrompt
    judgement: Judgement


def judge_all(
    artifact: Artifact, rules: RuleSet, prompts: Sequence[LabelledPrompt], inputs: NDArray[np.float32], strategy: Strategy
) -> list[Outcome]:
    """Judge prompts exactly as the service does. inputs: their head inputs."""
    embeddings = inputs[:, : inputs.shape[1] - len(FEATURE_NAMES)]
    return [
        Outcome(prompt, judge(prompt.text, rules.match(prompt.text), embedding, artifact, strategy=strategy))
        for prompt, embedding in zip(prompts, embeddings, strict=True)
    ]


def judge_unseen(
    data: TrainingData, rules: RuleSet, test: Sequence[Sequence[int]], strategies: Sequence[Strategy]
) -> dict[str, list[Outcome]]:
    """Judge each of several lists of prompts by an artefact that was trained on all prompts but these."""
    outcomes: dict[str, list[Outcome]] = {strategy.value: [] for strategy in strategies}
    for indices in test:
        kept_out = set(indices)
        artifact = train_artifact(data.subset([i for i in range(len(data.prompts)) if i not in kept_out]), {})
        part = data.subset(indices)
        for strategy in strategies:
            outcomes[strategy.value] += judge_all(artifact, rules, part.prompts, part.inputs, strategy)
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Category and difficulty accuracy with 95 % intervals, and what they are made of."""
    return {"category": category_summary(outcomes), "difficulty": difficulty_summary(outcomes)}


def category_summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Accuracy of the category, by category and by tag, calibration, and the commonest confusions."""
    right = np.array([is_category_right(outcome) for outcome in outcomes])
    confidence = np.array([outcome.judgement.domain_confidence for outcome in outcomes])
    tags = [outcome.prompt.tags or (NO_TAG,) for outcome in outcomes]
    categories = sorted({outcome.prompt.category for outcome in outcomes})
    return {
        "n": len(outcomes),
        "accuracy": round(float(right.mean()), 4),
        "interval": bootstrap_interval(right),
        "by_category": {name: mean_where(right, [outcome.prompt.category == name for outcome in outcomes]) for name in categories},
        "by_tag": {name: mean_where(right, [name in own for own in tags]) for name in sorted({tag for own in tags for tag in own})},
        "calibration_error": round(calibration_error(confidence, right), 4),
        "confusions": confusions(outcomes),
    }


def difficulty_summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Accuracy of the class of difficulty, and the confusion matrix by label."""
    right = np.array([outcome.judgement.difficulty is outcome.prompt.difficulty for outcome in outcomes])
    pairs = [f"{outcome.prompt.difficulty} as {outcome.judgement.difficulty}" for outcome in outcomes]
    return {
        "n": len(outcomes),
        "accuracy": round(float(right.mean()), 4),
        "interval": bootstrap_interval(right),
        "counts": {pair: pairs.count(pair) for pair in sorted(set(pairs))},
    }


def is_category_right(outcome: Outcome) -> bool:
    """True where the category is the labelled one."""
    return outcome.judgement.category == outcome.prompt.category


def mean_where(values: NDArray[np.bool_], mask: Sequence[bool]) -> float:
    """Share of true values where the mask holds."""
    return round(float(values[np.array(mask)].mean()), 4)


def bootstrap_interval(values: NDArray[np.bool_]) -> list[float]:
    """95 % percentile interval of a mean: Efron and Tibshirani 1993, chapter 13."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    means = values[generator.integers(0, len(values), (BOOTSTRAP_SAMPLES, len(values)))].mean(axis=1)
    return [round(float(bound), 4) for bound in np.percentile(means, (2.5, 97.5))]


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 10 equal bins: Guo et al. 2017, equation 3."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(float(confidence[bins == b].mean() - right[bins == b].mean())) * float((bins == b).mean()) for b in set(bins.tolist())]
    return sum(gaps)


def confusions(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The commonest wrong answers, "label as answer"."""
    pairs = [f"{o.prompt.category} as {o.judgement.category}" for o in outcomes if not is_category_right(o)]
    counts: Mapping[str, int] = {pair: pairs.count(pair) for pair in sorted(set(pairs))}
    rank: Callable[[str], int] = counts.__getitem__
    return {pair: counts[pair] for pair in sorted(counts, key=rank, reverse=True)[:8]}
