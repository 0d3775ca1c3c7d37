import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pointsman.classifier.core.heads import (
    MAX_DIFFICULTY_LOGIT,
    MAX_DISCRIMINATION,
    MIN_DISCRIMINATION,
    LinearHead,
    by_category,
    category_probabilities,
    creativity_score,
    difficulty_logit,
    discrimination,
    head_inputs,
)

HEAD = LinearHead(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))


def constant(value: float) -> LinearHead:
    return LinearHead(np.zeros((3, 1), np.float32), np.array([value], np.float32))


INPUTS = np.zeros(3, np.float32)


@given(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3), st.floats(0.1, 5.0))
def test_probabilities_sum_to_one(logits: list[float], temperature: float) -> None:
    probabilities = by_category(("a", "b", "c"), category_probabilities(HEAD, np.array(logits, np.float32), temperature))

    assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-9)
    assert min(probabilities.values()) >= 0.0


def test_higher_temperature_is_less_sure() -> None:
    logits = np.array([2.0, 0.0, 0.0], np.float32)

    assert category_probabilities(HEAD, logits, 2.0)[0] < category_probabilities(HEAD, logits, 0.5)[0]


@pytest.mark.parametrize("value", [-1e6, -1.0, 0.0, 1.0, 1e6])
def test_heads_stay_within_their_ranges(value: float) -> None:
    assert abs(difficulty_logit(constant(value), INPUTS)) <= MAX_DIFFICULTY_LOGIT
    assert MIN_DISCRIMINATION - 1e-9 <= discrimination(constant(value), INPUTS) <= MAX_DISCRIMINATION + 1e-9
    assert 0.0 <= creativity_score(constant(value), INPUTS) <= 1.0


def test_inputs_are_the_embedding_then_the_features() -> None:
    assert head_inputs(np.ones(2, np.float32), np.zeros(1, np.float32)).tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        pytest.param(np.zeros((3, 2)), np.zeros(3), id="other bias"),
        pytest.param(np.zeros(3), np.zeros(3), id="flat weights"),
        pytest.param(np.full((3, 1), np.nan), np.zeros(1), id="weights that are no numbers"),
        pytest.param(np.zeros((3, 1)), np.array([np.inf]), id="infinite bias"),
    ],
)
def test_parts_that_make_no_head_are_refused(weights: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"linear head|finite"):
        LinearHead(weights.astype(np.float32), bias.astype(np.float32))
