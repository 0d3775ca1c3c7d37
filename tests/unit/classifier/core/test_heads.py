import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pointsman.classifier.core.heads import (
    MAX_COMPLEXITY_LOGIT,
    MAX_CREATIVITY_LOGIT,
    MOST_DEVIATIONS,
    FeatureScaling,
    Reader,
    TextHead,
    by_name,
    sigmoid,
    softmax,
)
from pointsman.classifier.core.ngrams import BUCKETS, ngrams_of

NOTHING = ngrams_of("")
INPUTS = np.zeros(2, np.float32)


def head(*outputs: float) -> TextHead:
    """It says the same of every text."""
    return TextHead(np.zeros((2, len(outputs)), np.float32), np.zeros((BUCKETS, len(outputs)), np.float32), np.array(outputs, np.float32))


@given(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3), st.floats(0.1, 5.0))
def test_probabilities_sum_to_one(logits: list[float], temperature: float) -> None:
    probabilities = by_name(("a", "b", "c"), Reader(head(*logits, 0.0, 0.0), temperature).read(INPUTS, NOTHING).probabilities)

    assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-9)
    assert min(probabilities.values()) >= 0.0


def test_higher_temperature_is_less_sure() -> None:
    warm, cold = (Reader(head(2.0, 0.0, 0.0, 0.0), temperature).read(INPUTS, NOTHING) for temperature in (2.0, 0.5))

    assert warm.probabilities[0] < cold.probabilities[0]


def test_reader_says_categories_then_complexity_then_creativity() -> None:
    reading = Reader(head(math.log(3), 0.0, 1.5, -0.5), 1.0).read(INPUTS, NOTHING)

    assert reading.probabilities.tolist() == pytest.approx([0.75, 0.25])
    assert (reading.complexity_logit, reading.creativity_logit) == (1.5, -0.5)


@pytest.mark.parametrize("value", [-1e6, -1.0, 0.0, 1.0, 1e6])
def test_scores_stay_within_their_ranges(value: float) -> None:
    reading = Reader(head(0.0, value, value), 1.0).read(INPUTS, NOTHING)

    assert abs(reading.complexity_logit) <= MAX_COMPLEXITY_LOGIT
    assert abs(reading.creativity_logit) <= MAX_CREATIVITY_LOGIT
    assert 0.0 < sigmoid(reading.complexity_logit) < 1.0


def test_head_adds_inputs_ngrams_and_bias() -> None:
    ngrams = ngrams_of("cat")
    weights = np.zeros((BUCKETS, 1), np.float32)
    weights[ngrams.buckets[0]] = 10.0
    made = TextHead(np.array([[1.0], [2.0]], np.float32), weights, np.array([0.5], np.float32))

    # 1 * 3 + 2 * 4 + 10 * weight + 0.5.
    said = made.apply(np.array([3.0, 4.0], np.float32), ngrams)
    assert said.tolist() == pytest.approx([11.5 + 10.0 * float(ngrams.weights[0])])
    assert made.apply(INPUTS, NOTHING).tolist() == [0.5]


def test_softmax_does_not_overflow() -> None:
    assert softmax(np.array([1e4, 0.0])).tolist() == [1.0, 0.0]


def test_scaling_is_by_deviations_and_bounded() -> None:
    scaling = FeatureScaling(np.array([1.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))

    assert scaling.apply(np.array([2.0, -0.5], np.float32)).tolist() == [2.0, -0.5]
    assert scaling.apply(np.array([[1e30, -1e30]], np.float32)).tolist() == [[MOST_DEVIATIONS, -MOST_DEVIATIONS]]


@pytest.mark.parametrize(
    ("shift", "factor"),
    [
        pytest.param(np.zeros(2), np.ones(3), id="other factor"),
        pytest.param(np.zeros((1, 2)), np.ones((1, 2)), id="rows"),
        pytest.param(np.zeros(2), np.array([1.0, np.inf]), id="infinite factor"),
        pytest.param(np.array([0.0, np.nan]), np.ones(2), id="a shift that is no number"),
    ],
)
def test_parts_that_make_no_scaling_are_refused(shift: NDArray[np.float64], factor: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"agree|finite"):
        FeatureScaling(shift.astype(np.float32), factor.astype(np.float32))


@pytest.mark.parametrize(
    ("dense", "ngrams", "bias"),
    [
        pytest.param(np.zeros((3, 2)), np.zeros((BUCKETS, 3)), np.zeros(3), id="other dense weights"),
        pytest.param(np.zeros(3), np.zeros((BUCKETS, 3)), np.zeros(3), id="flat weights"),
        pytest.param(np.zeros((3, 1)), np.zeros((BUCKETS - 1, 1)), np.zeros(1), id="too few buckets"),
        pytest.param(np.zeros((3, 1)), np.zeros((BUCKETS, 2)), np.zeros(1), id="other n-grams"),
        pytest.param(np.full((3, 1), np.nan), np.zeros((BUCKETS, 1)), np.zeros(1), id="weights that are no numbers"),
        pytest.param(np.zeros((3, 1)), np.full((BUCKETS, 1), np.nan), np.zeros(1), id="n-grams that are no numbers"),
        pytest.param(np.zeros((3, 1)), np.zeros((BUCKETS, 1)), np.array([np.inf]), id="infinite bias"),
    ],
)
def test_parts_that_make_no_head_are_refused(dense: NDArray[np.float64], ngrams: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"do not make a head|finite"):
        TextHead(dense.astype(np.float32), ngrams.astype(np.float32), bias.astype(np.float32))
