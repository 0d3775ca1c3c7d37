"""Learned heads: linear maps from an embedding and lexical features to what is said of a prompt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

# Where sigmoid(b) still says something: 0.03 to 0.97.
MAX_DIFFICULTY_LOGIT = 3.5
MAX_CREATIVITY_LOGIT = 6.0
# Discrimination of ordinary items in item-response studies: Baker, The Basics of Item Response Theory, table 2-1.
MIN_DISCRIMINATION = 0.35
MAX_DISCRIMINATION = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """weights: float32 (n, k); bias: float32 (k,)."""

    weights: Vector
    bias: Vector

    def __post_init__(self) -> None:
        """Raise ValueError where the shapes do not agree or a number is not finite."""
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[1:]:
            raise ValueError(f"weights {self.weights.shape} and bias {self.bias.shape} do not make a linear head")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise ValueError("weights and bias must be finite")

    def apply(self, inputs: Vector) -> Vector:
        """inputs: float32 (n,) or (m, n). Returns (k,) or (m, k)."""
        return inputs @ self.weights + self.bias


def head_inputs(embedding: Vector, features: Vector) -> Vector:
    """What every head reads: embedding (d,), then features (f,)."""
    return np.concatenate((embedding, features))


def category_probabilities(head: LinearHead, inputs: Vector, temperature: float) -> Vector:
    """Probability of each category, shape as the head gives it; the last axis sums to 1.

    Calibration: temperature scaling, Guo et al. 2017, equation 9.
    """
    logits = head.apply(inputs) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def difficulty_logit(head: LinearHead, inputs: Vector) -> float:
    """b of the item-response model, logits."""
    return clipped(head, inputs, -MAX_DIFFICULTY_LOGIT, MAX_DIFFICULTY_LOGIT)


def discrimination(head: LinearHead, inputs: Vector) -> float:
    """a of the item-response model; the head gives its logarithm."""
    return math.exp(clipped(head, inputs, math.log(MIN_DISCRIMINATION), math.log(MAX_DISCRIMINATION)))


def creativity_score(head: LinearHead, inputs: Vector) -> float:
    """How much imagination is asked for, 0 to 1; the head gives its logit."""
    return 1.0 / (1.0 + math.exp(-clipped(head, inputs, -MAX_CREATIVITY_LOGIT, MAX_CREATIVITY_LOGIT)))


def clipped(head: LinearHead, inputs: Vector, least: float, most: float) -> float:
    """The one number that a head gives, kept within bounds."""
    return max(least, min(most, float(head.apply(inputs)[0])))


def by_category(categories: Sequence[str], probabilities: Vector) -> dict[str, float]:
    """A distribution as a mapping that sums to 1 in double precision."""
    values = probabilities.astype(np.float64)
    return dict(zip(categories, (values / values.sum()).tolist(), strict=True))
