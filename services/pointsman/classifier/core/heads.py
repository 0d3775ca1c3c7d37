"""Learned heads: from what is known of a text to what is said of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.ngrams import BUCKETS, Ngrams

Vector = NDArray[np.float32]

# A feature so many deviations from its mean says no more than that it is unusual.
MOST_DEVIATIONS = 4.0
# Where sigmoid still says something: 0.03 to 0.97.
MAX_COMPLEXITY_LOGIT = 3.5
MAX_CREATIVITY_LOGIT = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class FeatureScaling:
    """Brings lexical features to mean 0 and deviation 1 over the training prompts. shift, factor: float32 (f,)."""

    shift: Vector
    factor: Vector

    def __post_init__(self) -> None:
        """Raise ValueError where the shapes do not agree or a number is not finite."""
        require_finite("the scaling", self.shift, self.factor)
        if self.shift.ndim != 1 or self.shift.shape != self.factor.shape:
            raise ValueError("the scaling's shift and factor do not agree")

    def apply(self, features: Vector) -> Vector:
        """features: float32 (f,) or (n, f), as lexical_features gives them."""
        return np.asarray(np.clip((features - self.shift) * self.factor, -MOST_DEVIATIONS, MOST_DEVIATIONS), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TextHead:
    """A linear map. dense: float32 (d, k), of the dense inputs; ngrams: float32 (BUCKETS, k); bias: float32 (k,)."""

    dense: Vector
    ngrams: Vector
    bias: Vector

    def __post_init__(self) -> None:
        """Raise ValueError where the shapes do not agree or a number is not finite."""
        require_finite("a head", self.dense, self.ngrams, self.bias)
        outputs = self.bias.shape
        if self.dense.ndim != 2 or self.dense.shape[1:] != outputs or self.ngrams.shape != (BUCKETS, *outputs):
            raise ValueError(f"dense {self.dense.shape}, n-grams {self.ngrams.shape} and bias {outputs} do not make a head")

    def apply(self, inputs: Vector, ngrams: Ngrams) -> Vector:
        """inputs: float32 (d,). Returns (k,)."""
        return np.asarray(inputs @ self.dense + ngrams.weights @ self.ngrams[ngrams.buckets] + self.bias, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What one set of witnesses says: a logit for each category, then that of the complexity, then that of the creativity.

    temperature: by which the categories' logits are divided.
    """

    head: TextHead
    temperature: float

    def __post_init__(self) -> None:
        """Raise ValueError where the temperature is none."""
        if not 0.0 < self.temperature < math.inf:
            raise ValueError("a reader's temperature must be above 0 and finite")

    def read(self, inputs: Vector, ngrams: Ngrams) -> "Reading":
        """inputs: float32 (d,), the witnesses' in the order that the head was trained with."""
        *logits, complexity, creativity = self.head.apply(inputs, ngrams).tolist()
        return Reading(
            softmax(np.array(logits, np.float64) / self.temperature),
            clipped(complexity, MAX_COMPLEXITY_LOGIT),
            clipped(creativity, MAX_CREATIVITY_LOGIT),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """probabilities: float64 (k,), sum to 1; both logits within bounds."""

    probabilities: NDArray[np.float64]
    complexity_logit: float
    creativity_logit: float


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """A distribution along the last axis; calibrated by the logits' temperature, Guo et al. 2017, equation 9."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), of a logit that is kept within bounds."""
    return 1.0 / (1.0 + math.exp(-logit))


def clipped(value: float, most: float) -> float:
    """The number, kept between -most and most."""
    return max(-most, min(most, value))


def by_name(names: Sequence[str], probabilities: NDArray[np.float64]) -> dict[str, float]:
    """A distribution as a mapping that sums to 1 in double precision."""
    return dict(zip(names, (probabilities / probabilities.sum()).tolist(), strict=True))


def require_finite(what: str, *arrays: NDArray[np.float32]) -> None:
    """Raise ValueError where a number is not finite."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{what}: weights must be finite")
