"""What one threshold saves on traffic mixed of several sources, each weighing the same whatever its number of prompts.

A prompt goes to the strong model where its rank is at or above the threshold, which is one for all sources: ranks have to be on
one scale. Prompts of one rank cannot be told apart by a threshold and go together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.rank_order import rank_order
from pointsman.learning.resampling import SAMPLES, SEED, Figure, Vector, figure_of, resampled

GAP_LEVEL = 0.6
# Cost of a call of the weak model beside one of the strong. RouteLLM's pair: gpt-4-1106-preview had list prices of $10 and $30 a
# million tokens in and out, hosts of mixtral-8x7b took $0.24 to $0.60 for either. That is 0.8 % to 2 % of what is written and 2.4 % to
# 6 % of what is read; Ong et al. 2024 count with $0.24 beside $24.7, 1 %. The default errs on the dear side.
WEAK_COST_RATIO = 0.05
TOLERANCE = 1e-9
ROWS_AT_ONCE = 50

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PairScores:
    """One source: rank (n,), higher goes to the strong model first; weak and strong (n,) scores 0 to 1."""

    rank: Vector
    weak: Vector
    strong: Vector


@dataclass(frozen=True, slots=True)
class MixedTraffic:
    """What a threshold does: shares 0 to 1, gap_recovered as PGR of Ong et al. 2024 on the mixture."""

    threshold: float  # strong at or above it
    strong_share: Figure
    saved_share: Figure  # 1 - cost / cost of always asking the strong model
    gap_recovered: Figure

    def summary(self) -> dict[str, Any]:
        """For a report; interval is that of saved_share."""
        saved, interval = self.saved_share.rounded()
        strong, strong_interval = self.strong_share.rounded()
        gap, gap_interval = self.gap_recovered.rounded()
        return {
            "saved_share": saved,
            "gap_recovered": gap,
            "interval": interval,
            "gap_interval": gap_interval,
            "strong_share": strong,
            "strong_share_interval": strong_interval,
            "threshold": self.threshold,
        }


def cheapest_threshold(
    sources: Sequence[PairScores],
    *,
    level: float = GAP_LEVEL,
    cost_ratio: float = WEAK_COST_RATIO,
    samples: int = SAMPLES,
    seed: int = SEED,
) -> MixedTraffic | None:
    """The threshold with the fewest strong calls that recovers `level` of the gap; None where there is no gap.

    cost_ratio: cost of a weak call by that of a strong one; all prompts of a model are taken to cost the same.
    The intervals choose the threshold anew in each sample (of each source's prompts), so the luck of the choice is in them;
    what a threshold that was chosen elsewhere does is `at_threshold`.
    """
    if (traffic := _Traffic.of(sources)) is None:
        return None
    found = traffic.curve(traffic.weights)
    at, reached = _first_reaching(found, level)
    if not reached[0]:
        return None
    drawn = [traffic.curve(weights) for weights in _drawn(sources, samples=samples, seed=seed)]
    shares = [_picked(part, *_first_reaching(part, level)) for part in drawn]
    ordered = traffic.rank[traffic.order.order[traffic.order.starts]]
    return _measured(float(ordered[at[0] - 1]) if at[0] else float("inf"), _picked(found, at, reached), shares, cost_ratio)


def at_threshold(
    sources: Sequence[PairScores],
    threshold: float,
    *,
    cost_ratio: float = WEAK_COST_RATIO,
    samples: int = SAMPLES,
    seed: int = SEED,
) -> MixedTraffic | None:
    """What a given threshold does, with intervals of it alone; None where there is no gap."""
    if (traffic := _Traffic.of(sources)) is None:
        return None
    place = int((traffic.rank[traffic.order.order[traffic.order.starts]] >= threshold).sum())

    def picked(curve: tuple[Vector, Vector]) -> Vector:
        rows = len(curve[0])
        return _picked(curve, np.full(rows, place, np.int64), ~np.isnan(curve[1][:, -1]))

    found = picked(traffic.curve(traffic.weights))
    if np.isnan(found).any():
        return None
    drawn = [picked(traffic.curve(weights)) for weights in _drawn(sources, samples=samples, seed=seed)]
    return _measured(threshold, found, drawn, cost_ratio)


class _Traffic:
    """All sources' prompts in one order."""

    def __init__(self, rank: Vector, gain: Vector, weights: Vector) -> None:
        self.rank, self.weights = rank, weights
        self.order = rank_order(rank)
        self._gain = gain

    @classmethod
    def of(cls, sources: Sequence[PairScores]) -> "_Traffic | None":
        """None where there is no source, or one without prompts: nothing could weigh the same then."""
        if not sources or any(len(source.rank) == 0 for source in sources):
            return None
        rank = np.concatenate([source.rank for source in sources])
        gain = np.concatenate([source.strong - source.weak for source in sources])
        return cls(rank, gain, np.concatenate([np.full((1, len(s.rank)), 1.0 / len(s.rank)) for s in sources], axis=1) / len(sources))

    def curve(self, weights: Vector) -> tuple[Vector, Vector]:
        """Share of strong calls and of the gap recovered before the first block and after each: (s, k + 1); NaN without a gap."""
        shares, gains = (self.order.block_sums(columns).cumsum(axis=1) for columns in (weights, weights * self._gain))
        gap = np.where(gains[:, -1:] > TOLERANCE, gains[:, -1:], np.nan)
        start = np.zeros((len(weights), 1))
        return np.concatenate((start, shares), axis=1), np.concatenate((start, gains / gap), axis=1)


def _drawn(sources: Sequence[PairScores], *, samples: int, seed: int) -> list[Vector]:
    """Weights (s, n) of samples within each source, in parts; each row adds up to 1."""
    columns = [
        np.concatenate([*resampled(len(source.rank), samples=samples, seed=seed + number)]) / len(source.rank)
        for number, source in enumerate(sources)
    ]
    return np.array_split(np.concatenate(columns, axis=1) / len(sources), max(1, samples // ROWS_AT_ONCE))


def _first_reaching(curve: tuple[Vector, Vector], level: float) -> tuple[Places, NDArray[np.bool_]]:
    """The first place of each row that recovers the level, and whether there is one."""
    reaching = curve[1] >= level - TOLERANCE
    return np.asarray(reaching.argmax(axis=1)), np.asarray(reaching.any(axis=1))


def _picked(curve: tuple[Vector, Vector], at: Places, known: NDArray[np.bool_]) -> Vector:
    """(s, 2) strong share and gap recovered at one place of each row, NaN where it is not known."""
    rows = np.arange(len(at))
    return np.where(known[:, None], np.column_stack((curve[0][rows, at], curve[1][rows, at])), np.nan)


def _measured(threshold: float, found: Vector, drawn: Sequence[Vector], cost_ratio: float) -> MixedTraffic:
    samples = np.concatenate(drawn)
    (share, gap), (share_samples, gap_samples) = found[0], samples.T
    saved, saved_samples = ((1.0 - part) * (1.0 - cost_ratio) for part in (share, share_samples))
    return MixedTraffic(threshold, figure_of(share, share_samples), figure_of(saved, saved_samples), figure_of(gap, gap_samples))
