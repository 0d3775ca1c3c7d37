"""Which ROUTING_THRESHOLD gives a wanted share of calls to the strong model, or a wanted quality. Proposed, never applied.

ROUTING_THRESHOLD is the least success probability at which a local model is taken; the weak model of a pair stands for the local one:
a prompt goes to the strong model where the weak one's probability is below the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.measuring.mixed_traffic import WEAK_COST_RATIO, MixedTraffic, PairScores, at_threshold
from pointsman.learning.measuring.resampling import SAMPLES, SEED, Figure, Vector

FOLDS = 5
# Digits of a threshold that are tried, fewest first: a setting is written by people.
MOST_DIGITS = 12
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One source: P(the weak model answers well) of each prompt (n,), and both models' scores (n,) 0 to 1."""

    success: Vector
    weak: Vector
    strong: Vector

    def part(self, chosen: NDArray[np.bool_]) -> "Judged":
        """Some of its prompts."""
        return Judged(self.success[chosen], self.weak[chosen], self.strong[chosen])


@dataclass(frozen=True, slots=True)
class Goal:
    """One of two wishes, 0 to 1: the share of calls to the strong model, or the share of the gap recovered (PGR, Ong et al. 2024)."""

    strong_share: float | None = None
    quality: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where it is not exactly one."""
        if (self.strong_share is None) == (self.quality is None):
            raise ValueError("goal: either strong_share or quality")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A threshold, and what to expect of it on prompts that it was not chosen on; each source weighs the same."""

    threshold: float
    prompt_count: int
    weak_quality: float  # mean score of the weak model alone
    strong_quality: float
    expected: MixedTraffic

    def as_object(self) -> dict[str, Any]:
        """For programs; shares and scores 0 to 1, an _interval is of 95 %."""
        found: dict[str, Any] = {"routing_threshold": self.threshold, "n": self.prompt_count}
        for name, figure in self.figures().items():
            found[name], found[f"{name}_interval"] = figure.rounded()
        return found | {"weak_quality": round(self.weak_quality, 4), "strong_quality": round(self.strong_quality, 4)}

    def figures(self) -> dict[str, Figure]:
        """What is expected, by name."""
        found = self.expected
        return {
            "strong_share": found.strong_share,
            "quality": found.quality,
            "gap_recovered": found.gap_recovered,
            "saved_share": found.saved_share,
        }


def propose(
    sources: Sequence[Judged], goal: Goal, *, cost_ratio: float = WEAK_COST_RATIO, samples: int = SAMPLES, seed: int = SEED
) -> Proposal | None:
    """The threshold for a goal; None where the strong model is no better on these prompts, or there are none.

    strong_share: the threshold whose share is nearest. quality: the lowest that recovers so much of the gap. It is chosen on all
    prompts; the figures come from five folds: each prompt is sent where the threshold chosen on the other four sends it. Their
    intervals are a bootstrap over prompts. cost_ratio: cost of a weak call by that of a strong one.
    """
    if not sources or min(len(source.weak) for source in sources) == 0:
        return None
    generator = np.random.default_rng(seed)
    folds = [generator.permutation(len(source.weak)) % FOLDS for source in sources]
    sent = [np.zeros(len(source.weak)) for source in sources]
    for fold in range(FOLDS):
        others = [source.part(own != fold) for source, own in zip(sources, folds, strict=True)]
        threshold = _threshold([source for source in others if len(source.weak)], goal)
        for source, own, strong_call in zip(sources, folds, sent, strict=True):
            strong_call[own == fold] = source.success[own == fold] < threshold
    decided = [PairScores(calls, source.weak, source.strong) for calls, source in zip(sent, sources, strict=True)]
    expected = at_threshold(decided, 0.5, cost_ratio=cost_ratio, samples=samples, seed=seed)
    if expected is None:
        return None
    weak, strong = (float(np.mean([getattr(source, name).mean() for source in sources])) for name in ("weak", "strong"))
    return Proposal(_threshold(sources, goal), sum(len(source.weak) for source in sources), weak, strong, expected)


def _threshold(sources: Sequence[Judged], goal: Goal) -> float:
    """The threshold for a goal on these prompts; 0, where nothing goes to the strong model, for none."""
    if not sources:
        return 0.0
    success = np.concatenate([source.success for source in sources])
    weights = np.concatenate([np.full(len(source.weak), 1.0 / len(source.weak)) for source in sources]) / len(sources)
    gains = weights * np.concatenate([source.strong - source.weak for source in sources])
    values, place = np.unique(success, return_inverse=True)
    # What lies below each cut: before the first value, and after each. None lies above a certain success.
    shares, recovered = (np.concatenate(([0.0], np.bincount(place, part).cumsum())) for part in (weights, gains))
    cuts = len(values) + (values[-1] < 1.0)
    if goal.strong_share is not None:
        return _between(values, int(np.abs(shares[:cuts] - goal.strong_share).argmin()))
    wanted = (goal.quality or 0.0) * recovered[-1] - TOLERANCE
    reached = np.flatnonzero(recovered[:cuts] >= wanted)
    return _between(values, int(reached[0]) if len(reached) else cuts - 1)


def _between(values: Vector, cut: int) -> float:
    """The shortest number that has `cut` of the ascending values below it."""
    if cut == 0:
        return 0.0
    low, high = float(values[cut - 1]), float(values[cut]) if cut < len(values) else 1.0
    middle = (low + high) / 2.0
    for digits in range(1, MOST_DIGITS):
        if low < (short := round(middle, digits)) <= high:
            return short
    return high
