"""Prompts in the order of a rank, those of equal rank together: the order of the records then changes nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsman.learning.measuring.resampling import Vector


@dataclass(frozen=True, slots=True, eq=False)
class RankOrder:
    """Prompts from the highest rank down; a block is the prompts of one rank."""

    order: NDArray[np.int64]  # (n,) index of the prompt at each place
    starts: NDArray[np.int64]  # (k,) place of each block's first prompt

    def block_sums(self, columns: Vector) -> Vector:
        """Sums over each block: (s, n) by prompt to (s, k)."""
        if len(self.order) == 0:
            return np.zeros((len(columns), 0))
        return np.asarray(np.add.reduceat(columns[:, self.order], self.starts, axis=1))


def rank_order(rank: ArrayLike) -> RankOrder:
    """The order of ranks (n,). Raises ValueError where one is not a number."""
    ranks = np.asarray(rank, np.float64)
    if np.isnan(ranks).any():
        raise ValueError("rank: holds values that are no numbers")
    order = np.argsort(-ranks, kind="stable")
    ordered = ranks[order]
    return RankOrder(order, np.flatnonzero(np.append(len(ranks) > 0, ordered[1:] != ordered[:-1])[: len(ranks)]))


def auroc(rank: ArrayLike, positive: ArrayLike) -> float | None:
    """Probability that a positive prompt ranks above a negative one; None where there is none of a kind.

    rank (n,), positive (n,) bool. Ties count half: Mann and Whitney 1947.
    """
    labels = np.asarray(positive, np.float64)
    found = weighted_auroc(rank_order(rank), labels, np.ones((1, len(labels))))[0]
    return None if np.isnan(found) else float(found)


def weighted_auroc(order: RankOrder, positive: Vector, weights: Vector) -> Vector:
    """The same for rows of weights (s, n): (s,), NaN where there is none of a kind."""
    above = order.block_sums(weights * positive)
    below = order.block_sums(weights * (1.0 - positive))
    positives, negatives = above.sum(axis=1), below.sum(axis=1)
    won = (above * (negatives[:, None] - below.cumsum(axis=1) + 0.5 * below)).sum(axis=1)
    pairs = positives * negatives
    return np.where(pairs > 0.0, won / np.where(pairs > 0.0, pairs, 1.0), np.nan)
