"""Bootstrap over prompts: how much a figure would differ on other prompts of the same kind.

Percentile intervals, Efron and Tibshirani 1993, chapter 13. A sample is a number of times for each prompt, so that
every figure is computed from weights and nothing is copied.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# The bounds of a 95 % interval are then known to about a tenth of its width.
SAMPLES = 1_000
SEED = 0
PERCENTILES = (2.5, 97.5)
# Above this share of samples without a figure, the bounds would depend on what such samples were counted as.
MAX_UNDEFINED_SHARE = 0.05
# Weights held at once: 16 MB.
CHUNK_CELLS = 2_000_000
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; None where the data do not define it."""

    value: float | None
    interval: tuple[float, float] | None = None

    def rounded(self, digits: int = DIGITS) -> tuple[float | None, list[float] | None]:
        """Both as reports write them."""
        value = None if self.value is None else round(self.value, digits)
        return value, None if self.interval is None else [round(bound, digits) for bound in self.interval]


def resampled(count: int, *, samples: int = SAMPLES, seed: int = SEED) -> Iterator[Vector]:
    """How often each of `count` prompts is drawn: parts of samples, each (s, count), rows sum to count; none for no prompt."""
    generator = np.random.default_rng(seed)
    if count == 0:
        return
    rows = max(1, CHUNK_CELLS // count)
    for start in range(0, samples, rows):
        size = min(rows, samples - start)
        drawn = generator.integers(0, count, (size, count)) + count * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)


def interval_of(values: Vector) -> tuple[float, float] | None:
    """95 % interval of a figure's samples, NaN where a sample has none; None where too many have none."""
    defined = values[~np.isnan(values)]
    if len(defined) == 0 or len(defined) < (1.0 - MAX_UNDEFINED_SHARE) * len(values):
        return None
    low, high = np.percentile(defined, PERCENTILES)
    return float(low), float(high)


def figure_of(value: float, samples: Vector) -> Figure:
    """A figure from its value and its samples, NaN where undefined."""
    return Figure(None) if np.isnan(value) else Figure(float(value), interval_of(samples))
