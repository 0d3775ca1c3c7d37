"""Logistic regressions, which baselines are made of, and the minimiser that other fits use too. The classifier's readers: text_fit.py."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pointsman.classifier.core.heads import softmax

Matrix = NDArray[np.float64]

MAX_ITERATIONS = 500


def sigmoid(logits: Matrix) -> Matrix:
    """Probabilities; no overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


def fit_multinomial(inputs: Matrix, targets: Matrix, l2: float) -> tuple[Matrix, Matrix]:
    """Multinomial logistic regression on (n, d) and (n, k) target probabilities: weights (d, k), bias (k,)."""
    size, count = inputs.shape[1], targets.shape[1]

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        weights, bias = flat[:-count].reshape(size, count), flat[-count:]
        probabilities = softmax(inputs @ weights + bias)
        error = probabilities - targets
        value = -float((targets * np.log(probabilities + 1e-12)).sum()) + 0.5 * l2 * float((weights**2).sum())
        return value, np.concatenate(((inputs.T @ error + l2 * weights).ravel(), error.sum(axis=0)))

    flat = minimise(loss, np.zeros((size + 1) * count))
    return flat[:-count].reshape(size, count), flat[-count:]


def fit_logit(inputs: Matrix, targets: Matrix, l2: float) -> tuple[Matrix, Matrix]:
    """Logistic regression on (n, d) and (n,) targets between 0 and 1: weights (d, 1), bias (1,)."""
    size = inputs.shape[1]

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        logits = inputs @ flat[:-1] + flat[-1]
        error = sigmoid(logits) - targets
        value = float((np.logaddexp(0.0, logits) - targets * logits).sum()) + 0.5 * l2 * float((flat[:-1] ** 2).sum())
        return value, np.append(inputs.T @ error + l2 * flat[:-1], error.sum())

    flat = minimise(loss, np.zeros(size + 1))
    return flat[:-1, None], flat[-1:]


def minimise(loss: Callable[[Matrix], tuple[float, Matrix]], start: Matrix) -> Matrix:
    """Where a smooth loss is least, by L-BFGS with its gradient."""
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}).x)
