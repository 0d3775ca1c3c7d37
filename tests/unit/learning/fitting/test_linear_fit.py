import numpy as np
import pytest

from pointsman.classifier.core.heads import softmax
from pointsman.learning.fitting.linear_fit import fit_logit, fit_multinomial, sigmoid

GENERATOR = np.random.default_rng(1)


def test_multinomial_fit_separates_what_can_be_separated() -> None:
    inputs = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [-1.0, -1.0], [-0.9, -1.1]])
    targets = np.eye(3)[[0, 0, 1, 1, 2, 2]]

    weights, bias = fit_multinomial(inputs, targets, l2=0.01)

    assert softmax(inputs @ weights + bias).argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2]


def test_logistic_fit_meets_the_mean() -> None:
    inputs, targets = GENERATOR.normal(size=(60, 8)), np.linspace(0.1, 0.9, 60)

    weights, bias = fit_logit(inputs, targets, l2=1.0)

    assert sigmoid(inputs @ weights[:, 0] + bias).mean() == pytest.approx(targets.mean(), abs=1e-3)


def test_sigmoid_does_not_overflow() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
