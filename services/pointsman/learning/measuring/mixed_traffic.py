"""What one threshold saves on traffic mixed of several sources, each weighing the same whatever its number of prompts.

A prompt goes to the strong model where its rank is at or above the threshold, which is one for all sources: ranks have to be on
one scale. Prompts of one rank cannot be told apart by a threshold and go together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.measuring.rank_order import rank_order
from pointsman.learning.measuring.resampling import SAMPLES, SEED, Figure, Vector, figure_of, resampled

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
    quality: Figure  # mean score of the answers

    def summary(self) -> dict[str, Any]:
        """For a report; interval is that of saved_share."""
        saved, interval = self.saved_share.rounded()
        strong, strong_interval = self.strong_share.rounded()
        gap, gap_interval = self.gap_recovered.rounded()
        quality, quality_interval = self.quality.rounded()
        return {
            "saved_share": saved,
            "gap_recovered": gap,
            "interval": interval,
            "gap_interval": gap_interval,
            "quality": quality,
            "quality_interval": quality_interval,
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
    curves = (traffic.curve(weights) for weights in _drawn(sources, samples=samples, seed=seed))
    drawn = [_picked(curve, *_first_reaching(curve, level)) for curve in curves]
    threshold = float(traffic.block_ranks[at[0] - 1]) if at[0] else float("inf")
    return _measured(threshold, _picked(found, at, reached), drawn, cost_ratio)


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
    place = int((traffic.block_ranks >= threshold).sum())

    def picked(curve: _Curve) -> Vector:
        return _picked(curve, np.full(len(curve.shares), place, np.int64), ~np.isnan(curve.recovered[:, -1]))

    found = picked(traffic.curve(traffic.weights))
    if np.isnan(found).any():
        return None
    drawn = [picked(traffic.curve(weights)) for weights in _drawn(sources, samples=samples, seed=seed)]
    return _measured(threshold, found, drawn, cost_ratio)


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """Rows of samples; a column before the first block and one after each: all (s, k + 1)."""

    shares: Vector  # of strong calls
    recovered: Vector  # of the gap, NaN without one
    quality: Vector


class _Traffic:
    """All sources' prompts in one order."""

    def __init__(self, sources: Sequence[PairScores]) -> None:
        self.rank, self._weak, strong = (
            np.concatenate(columns) for columns in zip(*((s.rank, s.weak, s.strong) for s in sources), strict=True)
        )
        self._gain = strong - self._weak
        self.weights = np.concatenate([np.full((1, len(s.rank)), 1.0 / len(s.rank)) for s in sources], axis=1) / len(sources)
        self.order = rank_order(self.rank)

    @classmethod
    def of(cls, sources: Sequence[PairScores]) -> "_Traffic | None":
        """None where there is no source, or one without prompts: nothing could weigh the same then."""
        if not sources or any(len(source.rank) == 0 for source in sources):
            return None
        return cls(sources)

    @property
    def block_ranks(self) -> Vector:
        """(k,) from the highest down."""
        return np.asarray(self.rank[self.order.order[self.order.starts]])

    def curve(self, weights: Vector) -> _Curve:
        """The curve for rows of weights (s, n)."""
        start = np.zeros((len(weights), 1))
        shares, gains = (
            np.concatenate((start, self.order.block_sums(columns).cumsum(axis=1)), axis=1) for columns in (weights, weights * self._gain)
        )
        gap = np.where(gains[:, -1:] > TOLERANCE, gains[:, -1:], np.nan)
        return _Curve(shares, gains / gap, gains + (weights @ self._weak)[:, None])


def _drawn(sources: Sequence[PairScores], *, samples: int, seed: int) -> list[Vector]:
    """Weights (s, n) of samples within each source, in parts; each row adds up to 1."""
    columns = [
        np.concatenate([*resampled(len(source.rank), samples=samples, seed=seed + number)]) / len(source.rank)
        for number, source in enumerate(sources)
    ]
    return np.array_split(np.concatenate(columns, axis=1) / len(sources), max(1, samples // ROWS_AT_ONCE))


def _first_reaching(curve: _Curve, level: float) -> tuple[Places, NDArray[np.bool_]]:
    """The first place of each row that recovers the level, and whether there is one."""
    reaching = curve.recovered >= level - TOLERANCE
    return np.asarray(reaching.argmax(axis=1)), np.asarray(reaching.any(axis=1))


def _picked(curve: _Curve, at: Places, known: NDArray[np.bool_]) -> Vector:
    """(s, 3) strong share, gap recovered and quality at one place of each row, NaN where it is not known."""
    rows = np.arange(len(at))
    found = np.column_stack([part[rows, at] for part in (curve.shares, curve.recovered, curve.quality)])
    return np.where(known[:, None], found, np.nan)


def _measured(threshold: float, found: Vector, drawn: Sequence[Vector], cost_ratio: float) -> MixedTraffic:
    samples = np.concatenate(drawn)
    share, gap, quality = (figure_of(value, own) for value, own in zip(found[0].tolist(), samples.T, strict=True))
    saved = figure_of((1.0 - float(found[0, 0])) * (1.0 - cost_ratio), (1.0 - samples[:, 0]) * (1.0 - cost_ratio))
    return MixedTraffic(threshold, share, saved, gap, quality)
