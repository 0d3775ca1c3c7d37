"""Gradient boosting with trees of one split: an additive model of few features, whose effects need not be straight lines.

Friedman 2001, "Greedy Function Approximation", algorithm 5 (logistic loss, Newton leaves). It cannot see that two features
matter together, as deeper trees can. A baseline to compare with.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.fitting.linear_fit import Matrix, sigmoid

ROUNDS = 200
LEARNING_RATE = 0.1
BINS = 32
# Second derivatives that a leaf holds at least: about 20 prompts at even odds.
MIN_LEAF_WEIGHT = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class BoostedStumps:
    """Edges (f, BINS - 1) of each feature's bins, and what each bin adds to the logit, (f, BINS)."""

    start: float
    edges: Matrix
    effects: Matrix

    def logits(self, features: NDArray[np.floating]) -> Matrix:
        """(n,) for features (n, f)."""
        places = _bins(features, self.edges)
        return np.asarray(self.start + self.effects[np.arange(len(self.edges)), places].sum(axis=1))


def fit_stumps(features: NDArray[np.floating], targets: Matrix) -> BoostedStumps:
    """Fit features (n, f) to targets (n,) 0 to 1; deterministic."""
    edges = np.quantile(features, np.linspace(0.0, 1.0, BINS + 1)[1:-1], axis=0).T
    places, count = _bins(features, edges), features.shape[1]
    cells = (places + BINS * np.arange(count)).ravel()
    mean = float(np.clip(targets.mean(), 0.01, 0.99))
    start, effects = np.log(mean / (1.0 - mean)), np.zeros((count, BINS))
    logits = np.full(len(targets), start)
    for _ in range(ROUNDS):
        chance = sigmoid(logits)
        slopes, weights = (
            np.bincount(cells, np.repeat(values, count), count * BINS).reshape(count, BINS).cumsum(axis=1)
            for values in (targets - chance, chance * (1.0 - chance))
        )
        left, right = weights[:, :-1], weights[:, -1:] - weights[:, :-1]
        allowed = np.minimum(left, right) >= MIN_LEAF_WEIGHT
        if not allowed.any():
            break
        sides = [slopes[:, :-1] / np.maximum(left, 1e-9), (slopes[:, -1:] - slopes[:, :-1]) / np.maximum(right, 1e-9)]
        gains = np.where(allowed, sides[0] ** 2 * left + sides[1] ** 2 * right, -np.inf)
        feature, split = np.unravel_index(int(gains.argmax()), gains.shape)
        step = LEARNING_RATE * np.where(np.arange(BINS) <= split, sides[0][feature, split], sides[1][feature, split])
        effects[feature] += step
        logits += step[places[:, feature]]
    return BoostedStumps(float(start), edges, effects)


def _bins(features: NDArray[np.floating], edges: Matrix) -> NDArray[np.int64]:
    """(n, f) bin of each value: how many edges lie below it."""
    return np.stack([np.searchsorted(own, column, side="left") for own, column in zip(edges, features.T, strict=True)], axis=1)
