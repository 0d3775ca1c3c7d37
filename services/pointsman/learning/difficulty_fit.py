"""Difficulty b and discrimination a of a prompt, from people's labels and from graded answers.

Labels: ordinal logistic regression with the thresholds that users see, P(class above k) =
sigmoid(LABEL_SLOPE · (b - t_k)). Graded answers: the two-parameter item-response model,
P(score) = sigmoid(a · (theta_solver - b)), Lord and Novick 1968, chapter 17, with b and ln a
linear in the prompt's inputs and one theta for each model on each source, so that only differences
within a source speak for b: how hard one source is as a whole is left to the labels.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.graded import Observations
from pointsman.learning.linear_fit import Matrix, minimise, sigmoid
from pointsman.rules.difficulty import HARD_FROM, MEDIUM_FROM

# How sharply a label follows from b; steeper lets b crowd at the thresholds.
LABEL_SLOPE = 3.0
THRESHOLDS = (math.log(MEDIUM_FROM / (1.0 - MEDIUM_FROM)), math.log(HARD_FROM / (1.0 - HARD_FROM)))
THETA_L2 = 0.02
DISCRIMINATION_L2 = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class DifficultyData:
    """inputs (n, d) scaled; levels (n,) 0, 1, 2; graded_inputs (m, d) scaled."""

    inputs: Matrix
    levels: NDArray[np.int64]
    graded_inputs: Matrix
    observations: Observations


@dataclass(frozen=True, slots=True, eq=False)
class DifficultyWeights:
    """b = x · b_weights + b_bias, ln a = x · a_weights + a_bias, and the abilities of the solvers."""

    b_weights: Matrix
    b_bias: float
    a_weights: Matrix
    a_bias: float
    abilities: Matrix


def fit_difficulty(data: DifficultyData, *, l2: float, graded_weight: float) -> DifficultyWeights:
    """Fit both. graded_weight: how many labels all the graded answers together count for."""
    size = data.inputs.shape[1]
    observed = data.observations
    scale = graded_weight / max(1, len(observed.score))

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        w = unpack(flat, size)
        label_value, label_slope = label_loss(data.inputs @ w.b_weights + w.b_bias, data.levels)
        b = data.graded_inputs @ w.b_weights + w.b_bias
        log_a = data.graded_inputs @ w.a_weights + w.a_bias
        graded_value, by_b, by_log_a, by_ability = graded_loss(b, log_a, w.abilities, observed)
        value = label_value + scale * graded_value
        value += 0.5 * (
            l2 * float(w.b_weights @ w.b_weights) + DISCRIMINATION_L2 * scale_free(w) + THETA_L2 * float(w.abilities @ w.abilities)
        )
        gradient = np.concatenate(
            (
                data.inputs.T @ label_slope + scale * (data.graded_inputs.T @ by_b) + l2 * w.b_weights,
                [label_slope.sum() + scale * by_b.sum()],
                scale * (data.graded_inputs.T @ by_log_a) + DISCRIMINATION_L2 * w.a_weights,
                [scale * by_log_a.sum() + DISCRIMINATION_L2 * w.a_bias],
                scale * by_ability + THETA_L2 * w.abilities,
            )
        )
        return value, gradient

    return unpack(minimise(loss, np.zeros(2 * (size + 1) + len(observed.solvers))), size)


def scale_free(w: DifficultyWeights) -> float:
    """Squared length of what makes a differ from 1."""
    return float(w.a_weights @ w.a_weights) + w.a_bias**2


def unpack(flat: Matrix, size: int) -> DifficultyWeights:
    """The weights in a flat vector."""
    end = 2 * (size + 1)
    return DifficultyWeights(flat[:size], float(flat[size]), flat[size + 1 : end - 1], float(flat[end - 1]), flat[end:])


def label_loss(b: Matrix, levels: NDArray[np.int64]) -> tuple[float, Matrix]:
    """Negative log likelihood of the labels, and its derivative by b."""
    value, slope = 0.0, np.zeros_like(b)
    for number, threshold in enumerate(THRESHOLDS):
        above = (levels > number).astype(np.float64)
        logits = LABEL_SLOPE * (b - threshold)
        value += float((np.logaddexp(0.0, logits) - above * logits).sum())
        slope += LABEL_SLOPE * (sigmoid(logits) - above)
    return value, slope


def graded_loss(b: Matrix, log_a: Matrix, abilities: Matrix, observed: Observations) -> tuple[float, Matrix, Matrix, Matrix]:
    """Negative log likelihood of the grades, and its derivatives by b, ln a and the abilities."""
    a = np.exp(np.clip(log_a, -2.0, 2.0))[observed.prompt]
    logits = a * (abilities[observed.solver] - b[observed.prompt])
    error = sigmoid(logits) - observed.score
    value = float((np.logaddexp(0.0, logits) - observed.score * logits).sum())
    by_distance = a * error
    by_b = -np.bincount(observed.prompt, by_distance, len(b)).astype(np.float64)
    by_log_a = np.bincount(observed.prompt, error * logits, len(b)).astype(np.float64)
    by_ability = np.bincount(observed.solver, by_distance, len(abilities)).astype(np.float64)
    return value, by_b, by_log_a, by_ability
