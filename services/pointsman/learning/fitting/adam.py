"""Stochastic gradient descent for fits that have no convex loss."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

MEAN_DECAY = 0.9
SQUARE_DECAY = 0.999
EPSILON = 1e-8
# Of the steps, during which the rate grows to its peak; after it falls to 0 by a cosine: Smith and Topin 2018.
WARM_UP_SHARE = 0.3
# Of the peak rate, with which it begins: a 25th, as in PyTorch's OneCycleLR.
START_SHARE = 0.04


class Adam:
    """Adam, Kingma and Ba 2015, algorithm 1, with a rate that rises and falls once over a known number of steps."""

    def __init__(self, weights: Mapping[str, Float32], step_count: int, *, peak_rate: float, rates: Mapping[str, float]) -> None:
        """weights: changed in place. rates: factors on the peak rate by the weights' names, 1 where none is given."""
        self._weights = weights
        self._step_count = step_count
        self._peak_rate = peak_rate
        self._rates = rates
        self._step = 0
        self._means = {name: np.zeros_like(values) for name, values in weights.items()}
        self._squares = {name: np.zeros_like(values) for name, values in weights.items()}

    def step(self, gradients: Mapping[str, Float32]) -> None:
        """Go one step down."""
        self._step += 1
        rate = self._peak_rate * rate_share(self._step / self._step_count)
        mean_share, square_share = 1.0 - MEAN_DECAY**self._step, 1.0 - SQUARE_DECAY**self._step
        for name, gradient in gradients.items():
            mean, square = self._means[name], self._squares[name]
            mean += (1.0 - MEAN_DECAY) * (gradient - mean)
            square += (1.0 - SQUARE_DECAY) * (gradient * gradient - square)
            size = np.float32(rate * self._rates.get(name, 1.0) / mean_share)
            self._weights[name][...] -= size * mean / (np.sqrt(square / np.float32(square_share)) + np.float32(EPSILON))


def rate_share(progress: float) -> float:
    """Share of the peak rate after this share of the steps."""
    if progress < WARM_UP_SHARE:
        return START_SHARE + (1.0 - START_SHARE) * progress / WARM_UP_SHARE
    return 0.5 * (1.0 + math.cos(math.pi * (progress - WARM_UP_SHARE) / (1.0 - WARM_UP_SHARE)))
