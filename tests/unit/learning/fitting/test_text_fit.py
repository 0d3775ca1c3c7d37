from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pointsman.classifier.core.ngrams import BUCKETS, ngrams_of
from pointsman.learning.data.training_data import ngram_rows
from pointsman.learning.fitting.text_fit import (
    THRESHOLDS,
    Loss,
    TextInputs,
    category_loss,
    complexity_loss,
    fit_head,
    share_loss,
    text_head,
)

Matrix = NDArray[np.float64]
STEP = 1e-5
GENERATOR = np.random.default_rng(9)
LEVELS = np.array([0, 1, 2, 1, 0])
LOSSES: dict[str, tuple[Loss, int]] = {
    "category": (category_loss(np.eye(3)[[0, 2, 1, 1, 0]]), 3),
    "complexity": (complexity_loss(LEVELS, np.array([-1.0, np.nan, 1.4, 0.2, np.nan])), 1),
    "share": (share_loss(np.array([0.0, 0.3, 1.0, 0.5, 0.9])), 1),
}
TEXTS = ["apple pie", "apple tart", "apple cake", "river bank", "river bed", "river boat"]


def inputs_of(dense: Matrix, texts: list[str]) -> TextInputs:
    return TextInputs(dense, np.ones(dense.shape[1]), ngram_rows(texts))


def slopes_of(value: Callable[[Matrix], float], at: Matrix) -> Matrix:
    """Derivatives by central differences."""
    slopes = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = STEP
        slopes[place] = (value(at + step) - value(at - step)) / (2.0 * STEP)
    return slopes


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_the_slope_of_the_loss(name: str) -> None:
    loss, width = LOSSES[name]
    at = GENERATOR.normal(size=(5, width))

    np.testing.assert_allclose(loss(at)[1], slopes_of(lambda outputs: loss(outputs)[0], at), atol=1e-6)


def test_complexity_is_least_surprising_within_its_class() -> None:
    middles = np.array([[THRESHOLDS[0] - 1.5], [sum(THRESHOLDS) / 2.0], [THRESHOLDS[1] + 1.5]])
    loss = complexity_loss(np.array([0, 1, 2]), np.full(3, np.nan))

    assert loss(middles)[0] < min(loss(middles[[1, 0, 2]])[0], loss(middles[[2, 1, 0]])[0], loss(middles[[0, 2, 1]])[0])


def test_words_tell_what_the_dense_inputs_do_not() -> None:
    inputs = inputs_of(np.zeros((6, 2)), TEXTS)
    targets = np.eye(2)[[0, 0, 0, 1, 1, 1]]

    head = fit_head(inputs, category_loss(targets), 2, l2=0.1)

    assert head.apply(inputs).argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1]
    assert head.apply(inputs_of(np.zeros((2, 2)), ["a river", "an apple"])).argmax(axis=1).tolist() == [1, 0]


def test_dense_inputs_order_what_the_words_do_not() -> None:
    levels = np.repeat([0, 1, 2], 20)
    inputs = inputs_of(levels[:, None] - 1.0 + GENERATOR.normal(0.0, 0.05, (60, 1)), ["same"] * 60)

    head = fit_head(inputs, complexity_loss(levels, np.full(60, np.nan)), 1, l2=0.01)

    assert np.digitize(head.apply(inputs)[:, 0], THRESHOLDS).tolist() == levels.tolist()


def test_penalty_leaves_the_bias_free() -> None:
    inputs = inputs_of(GENERATOR.normal(size=(6, 2)), TEXTS)

    head = fit_head(inputs, share_loss(np.full(6, 0.8)), 1, l2=1e6)

    assert np.abs(head.dense).max() < 1e-4
    assert 1.0 / (1.0 + np.exp(-head.bias[0])) == pytest.approx(0.8, abs=1e-2)


def test_head_for_inputs_as_they_come_says_the_same() -> None:
    raw = GENERATOR.normal(size=(6, 2))
    scale = np.array([3.0, 0.5])
    inputs = TextInputs(raw * scale, scale, ngram_rows(TEXTS))
    parts = [
        fit_head(inputs, category_loss(np.eye(2)[[0, 1, 0, 1, 0, 1]]), 2, l2=100.0),
        fit_head(inputs, share_loss(np.array([0.1, 0.9, 0.4, 0.5, 0.0, 1.0])), 1, l2=100.0),
    ]

    head = text_head(inputs, parts)

    wanted = np.concatenate([part.apply(inputs) for part in parts], axis=1)
    found = [head.apply(row.astype(np.float32), ngrams_of(text)) for row, text in zip(raw, TEXTS, strict=True)]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_ngrams_of_texts_are_the_classifier_s_own() -> None:
    rows = ngram_rows(["", *TEXTS])

    assert isinstance(rows, csr_array)
    assert rows.shape == (7, BUCKETS)
    own = ngrams_of(TEXTS[0])
    assert rows[[1]].indices.tolist() == own.buckets.tolist()
    np.testing.assert_allclose(rows[[1]].data, own.weights)
    assert rows[[0]].sum() == pytest.approx(float(ngrams_of("").weights.sum()))
