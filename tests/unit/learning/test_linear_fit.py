import numpy as np
import pytest

from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.learning.linear_fit import FEATURE_SCALE, fit_logit, fit_multinomial, scaling_of, sigmoid, softmax

GENERATOR = np.random.default_rng(1)
ROWS = GENERATOR.normal(size=(60, 4 + len(FEATURE_NAMES))).astype(np.float32)


def test_multinomial_fit_separates_what_can_be_separated() -> None:
    inputs = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [-1.0, -1.0], [-0.9, -1.1]])
    targets = np.eye(3)[[0, 0, 1, 1, 2, 2]]

    weights, bias = fit_multinomial(inputs, targets, l2=0.01)

    assert softmax(inputs @ weights + bias).argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2]


def test_logistic_fit_meets_the_mean() -> None:
    targets = np.linspace(0.1, 0.9, 60)

    weights, bias = fit_logit(ROWS.astype(np.float64), targets, l2=1.0)

    assert sigmoid(ROWS @ weights[:, 0] + bias).mean() == pytest.approx(targets.mean(), abs=1e-3)


def test_scaling_brings_features_to_one_size_and_leaves_embeddings() -> None:
    scaled = scaling_of(ROWS).apply(ROWS)

    np.testing.assert_allclose(scaled[:, :4], ROWS[:, :4], rtol=1e-6)
    np.testing.assert_allclose(scaled[:, 4:].std(axis=0), FEATURE_SCALE, rtol=1e-5)


def test_feature_that_never_changes_is_no_division_by_zero() -> None:
    rows = ROWS.copy()
    rows[:, -1] = 0.5

    assert np.isfinite(scaling_of(rows).apply(rows)).all()


def test_folded_head_does_on_raw_inputs_what_was_fitted_on_scaled_ones() -> None:
    scaling = scaling_of(ROWS)
    weights, bias = GENERATOR.normal(size=(ROWS.shape[1], 2)), np.array([0.3, -0.2])

    head = scaling.fold(weights, bias)

    np.testing.assert_allclose(head.apply(ROWS), scaling.apply(ROWS) @ weights + bias, atol=1e-4)
