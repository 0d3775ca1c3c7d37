"""What a fine-tuned sequence classifier's labels say of a prompt, and the judgement with that in it.

Its labels are either our categories, or they say whether a weak model suffices or a strong one is needed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.fusion import Judgement, Method, difficulty_of
from pointsman.classifier.core.heads import MAX_COMPLEXITY_LOGIT, sigmoid

# Below it another category than the classifier's best is as probable.
UNSURE_BELOW = 0.5
# Pairs that are in use, the one that needs the strong model last.
PAIRS = (
    ("weak", "strong"),
    ("small", "large"),
    ("easy", "hard"),
    ("simple", "complex"),
    ("0", "1"),
    ("label_0", "label_1"),
)
# RouteLLM's BERT router: the strong model's answer was better, as good, worse. Its score is the probability of the first.
# https://github.com/lm-sys/RouteLLM/blob/main/routellm/routers/routers.py
ROUTE_LLM = ("label_0", "label_1", "label_2")


class UnusableLabels(Exception):
    """Labels that say nothing of what is asked here; the message names them."""


@dataclass(frozen=True, slots=True)
class LabelReading:
    """What the labels stand for. Exactly one of the two is set."""

    categories: tuple[str | None, ...] = ()  # by label; None: of no category of ours
    strong: int | None = None  # the label that asks for the strong model


def reading_of(labels: Sequence[str], categories: Sequence[str]) -> LabelReading:
    """What the labels stand for. categories: those that there are. Raises UnusableLabels."""
    known = {name.casefold(): name for name in categories}
    found = tuple(known.get(label.casefold().replace(" ", "_").replace("-", "_")) for label in labels)
    if any(name is not None for name in found):
        if len(set(found) - {None}) != len([name for name in found if name is not None]):
            raise UnusableLabels(f"two labels for one category: {', '.join(labels)}")
        return LabelReading(categories=found)
    lower = [label.casefold() for label in labels]
    for weak, strong in PAIRS:
        if sorted(lower) == sorted((weak, strong)):
            return LabelReading(strong=lower.index(strong))
    if tuple(lower) == ROUTE_LLM:
        return LabelReading(strong=0)
    raise UnusableLabels(f"labels {', '.join(labels)}: neither categories ({', '.join(categories)}) nor a pair such as weak and strong")


def with_verdict(judgement: Judgement, probabilities: NDArray[np.float32], reading: LabelReading) -> Judgement:
    """The judgement with what the classifier says in place of what it was; all else stays. probabilities: float32 (labels,)."""
    if reading.strong is not None:
        return with_difficulty(judgement, float(probabilities[reading.strong]))
    return with_categories(judgement, reading.categories, probabilities)


def with_difficulty(judgement: Judgement, needs_strong: float) -> Judgement:
    """b is the logit of the probability that the strong model is needed, within the bounds of a reader's complexity."""
    least = sigmoid(-MAX_COMPLEXITY_LOGIT)
    share = min(1.0 - least, max(least, needs_strong))
    return replace(judgement, difficulty_logit=math.log(share / (1.0 - share)), complexity_score=share, difficulty=difficulty_of(share))


def with_categories(judgement: Judgement, names: Sequence[str | None], probabilities: NDArray[np.float32]) -> Judgement:
    """The classifier's distribution over the categories that it knows; 0 for the others.

    What it gives to labels that are none of ours counts for nobody, unless it gives them all: then the judgement stays.
    """
    shares = {name: float(share) for name, share in zip(names, probabilities, strict=True) if name is not None}
    total = sum(shares.values())
    if total <= 0.0:
        return judgement
    distribution: Mapping[str, float] = {
        name: shares.get(name, 0.0) / total for name in dict.fromkeys((*judgement.category_probabilities, *shares))
    }
    category = max(distribution, key=distribution.__getitem__)
    return replace(
        judgement,
        category=category,
        category_probabilities=distribution,
        domain_confidence=distribution[category],
        ml_confidence=max(shares.values()),
        method=Method.ML_BASED,
        is_unsure=distribution[category] < UNSURE_BELOW,
    )
