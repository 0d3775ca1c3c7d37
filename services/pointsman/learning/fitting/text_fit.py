"""Fit the readers: category, complexity and creativity of a prompt from dense inputs and hashed n-grams.

Each is linear, its loss convex, started at zero and minimised by L-BFGS: the same data give the same weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

from pointsman.classifier.core.heads import TextHead, softmax
from pointsman.classifier.core.ngrams import BUCKETS
from pointsman.learning.fitting.linear_fit import Matrix, sigmoid
from pointsman.rules.difficulty import HARD_FROM, MEDIUM_FROM

Loss: TypeAlias = Callable[[Matrix], tuple[float, Matrix]]
"""From outputs (n, k) to a value and its derivative by them."""

MAX_ITERATIONS = 200
# Of the loss, between two steps; less changes no answer.
TOLERANCE = 1e-7
# A unit vector's parts are brought to this length, so that one penalty fits all inputs; by leaving out one file of
# prompts after the other, docs/evaluation.md, "Category": 10 to 20 are equal.
NGRAM_SCALE = 20.0
CATEGORY_L2 = 300.0
COMPLEXITY_L2 = 1_000.0
CREATIVITY_L2 = 1_000.0
# How sharply a class follows from the complexity's logit, and what the exact value counts beside it.
CLASS_SLOPE = 2.0
VALUE_WEIGHT = 0.1
THRESHOLDS = tuple(float(np.log(bound / (1.0 - bound))) for bound in (MEDIUM_FROM, HARD_FROM))


@dataclass(frozen=True, slots=True, eq=False)
class TextInputs:
    """dense: (n, d) scaled to a deviation near 1; scale: (d,) by which raw inputs were multiplied; ngrams: (n, BUCKETS) unit rows."""

    dense: Matrix
    scale: Matrix
    ngrams: csr_array

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> "TextInputs":
        """Some of the prompts."""
        return TextInputs(self.dense[indices], self.scale, self.ngrams[indices])


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """dense (d, k) of the scaled inputs, ngrams (BUCKETS, k), bias (k,)."""

    dense: Matrix
    ngrams: Matrix
    bias: Matrix

    def apply(self, inputs: TextInputs) -> Matrix:
        """Outputs (n, k)."""
        return np.asarray(inputs.dense @ self.dense + inputs.ngrams @ self.ngrams + self.bias)


def fit_head(inputs: TextInputs, loss: Loss, outputs: int, *, l2: float) -> FittedHead:
    """The weights with the least loss plus half of l2 times their square; the bias is free."""
    ngrams = inputs.ngrams * NGRAM_SCALE
    transposed = csr_array(ngrams.T)
    size = inputs.dense.shape[1]

    def value(flat: Matrix) -> tuple[float, Matrix]:
        weights = flat.reshape(-1, outputs)
        found, slope = loss(inputs.dense @ weights[:size] + ngrams @ weights[size:-1] + weights[-1])
        by_weights = np.concatenate((inputs.dense.T @ slope, transposed @ slope, slope.sum(axis=0)[None, :]))
        by_weights[:-1] += l2 * weights[:-1]
        return found + 0.5 * l2 * float((weights[:-1] ** 2).sum()), by_weights.ravel()

    start = np.zeros((size + BUCKETS + 1) * outputs)
    found = minimize(value, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS, "ftol": TOLERANCE})
    fitted = found.x.reshape(-1, outputs)
    return FittedHead(fitted[:size], fitted[size:-1] * NGRAM_SCALE, fitted[-1])


def category_loss(targets: Matrix) -> Loss:
    """Cross entropy. targets: (n, k) probabilities."""

    def loss(outputs: Matrix) -> tuple[float, Matrix]:
        probabilities = softmax(outputs)
        return -float((targets * np.log(probabilities + 1e-12)).sum()), probabilities - targets

    return loss


def complexity_loss(levels: NDArray[np.int64], logits: Matrix) -> Loss:
    """Ordinal logistic loss at the thresholds that users see, and the squared distance from the logit that was given.

    levels: (n,) 0 easy, 1 medium, 2 hard. logits: (n,), NaN where only the class is known. McCullagh 1980, section 2.
    """
    is_known = ~np.isnan(logits)
    wanted = np.nan_to_num(logits)

    def loss(outputs: Matrix) -> tuple[float, Matrix]:
        found = outputs[:, 0]
        distance = np.where(is_known, found - wanted, 0.0)
        value, slope = VALUE_WEIGHT * 0.5 * float(distance @ distance), VALUE_WEIGHT * distance
        for number, threshold in enumerate(THRESHOLDS):
            above = (levels > number).astype(np.float64)
            steps = CLASS_SLOPE * (found - threshold)
            value += float((np.logaddexp(0.0, steps) - above * steps).sum())
            slope = slope + CLASS_SLOPE * (sigmoid(steps) - above)
        return value, slope[:, None]

    return loss


def share_loss(shares: Matrix) -> Loss:
    """Cross entropy of numbers between 0 and 1, four-fold so that it weighs like a squared distance. shares: (n,)."""

    def loss(outputs: Matrix) -> tuple[float, Matrix]:
        logits = outputs[:, 0]
        error = sigmoid(logits) - shares
        return 4.0 * float((np.logaddexp(0.0, logits) - shares * logits).sum()), 4.0 * error[:, None]

    return loss


def text_head(inputs: TextInputs, parts: Sequence[FittedHead]) -> TextHead:
    """One head of several, side by side, for inputs as they come."""
    dense = np.concatenate([part.dense for part in parts], axis=1) * inputs.scale[:, None]
    ngrams = np.concatenate([part.ngrams for part in parts], axis=1)
    bias = np.concatenate([part.bias for part in parts])
    return TextHead(dense.astype(np.float32), ngrams.astype(np.float32), bias.astype(np.float32))
