from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.learning.fitting.boosted_stumps import fit_stumps
from pointsman.learning.fitting.linear_fit import sigmoid
from pointsman.learning.fitting.mirt_fit import fit_mirt
from pointsman.learning.measuring import baselines
from pointsman.learning.measuring.rank_order import auroc
from pointsman.learning.measuring.routing_metrics import apgr

Matrix = NDArray[np.float64]
Ranker = Callable[[NDArray[np.float32], Matrix, Matrix, NDArray[np.float32]], Matrix]

GENERATOR = np.random.default_rng(5)
INPUTS = GENERATOR.normal(size=(1_200, 6)).astype(np.float32)
# The weak model fails where the first input is high, the strong one hardly ever.
WEAK = (GENERATOR.random(1_200) < sigmoid(1.0 - 2.0 * INPUTS[:, 0].astype(np.float64))).astype(np.float64)
STRONG = (GENERATOR.random(1_200) < 0.95).astype(np.float64)
TRAIN, TEST = slice(0, 800), slice(800, 1_200)


@pytest.mark.parametrize(
    "ranker",
    [baselines.logistic_difference, baselines.logistic_needed, baselines.boosted_stumps_difference],
    ids=lambda ranker: ranker.__name__,
)
def test_learned_ranker_finds_what_the_weak_model_fails(ranker: Ranker) -> None:
    rank = ranker(INPUTS[TRAIN], WEAK[TRAIN], STRONG[TRAIN], INPUTS[TEST])

    found = auroc(rank, STRONG[TEST] > WEAK[TEST])

    assert found is not None
    assert found > 0.75


def test_oracle_is_the_best_and_random_order_is_chance() -> None:
    assert auroc(baselines.oracle(WEAK, STRONG), STRONG > WEAK) == 1.0
    assert apgr(np.zeros(1_200), WEAK, STRONG) == pytest.approx(0.5)


def test_length_is_that_of_the_text() -> None:
    assert baselines.prompt_length(["a", "", "abc"]).tolist() == [1.0, 0.0, 3.0]


def test_head_inputs_come_apart() -> None:
    head_inputs = np.arange(2 * (3 + len(FEATURE_NAMES)), dtype=np.float32).reshape(2, -1)

    parts = (baselines.embeddings_of(head_inputs), baselines.features_of(head_inputs))

    assert [part.shape[1] for part in parts] == [3, len(FEATURE_NAMES)]
    assert np.array_equal(np.concatenate(parts, axis=1), head_inputs)


def test_stumps_learn_a_curve_that_no_line_follows() -> None:
    targets = (np.abs(INPUTS[:, 1]) > 0.7).astype(np.float64)

    found = fit_stumps(INPUTS[TRAIN], targets[TRAIN]).logits(INPUTS[TEST])

    assert ((found > 0.0) == (targets[TEST] > 0.5)).mean() > 0.95


@pytest.mark.parametrize("count", [1, 12])
def test_stumps_on_few_or_equal_answers_are_a_constant(count: int) -> None:
    found = fit_stumps(np.zeros((count, 3)), np.ones(count)).logits(np.ones((4, 3)))

    assert len(set(found.tolist())) == 1
    assert np.isfinite(found).all()


def test_item_response_head_learns_who_fails_what() -> None:
    generator = np.random.default_rng(8)
    skill = np.array([[1.5, 0.0], [0.0, 1.5], [0.0, 0.0]])
    chance = sigmoid(np.asarray(INPUTS[:, :2] @ skill.T - INPUTS[:, 2:3], np.float64))
    score, mask = (generator.random(chance.shape) < chance).astype(np.float64), generator.random(chance.shape) < 0.7

    found = baselines.mirt_success(INPUTS[TRAIN], score[TRAIN], mask[TRAIN], INPUTS[TEST])

    assert found.shape == (400, 3)
    assert np.abs(found - chance[TEST]).mean() < 0.1


def test_item_response_head_is_the_same_each_time_and_ignores_what_was_not_answered() -> None:
    mask = np.ones((50, 2), np.bool_)
    mask[:20, 1] = False
    score = np.stack((WEAK[:50], STRONG[:50]), axis=1)
    blank = np.where(mask, score, np.nan)

    first, second = (fit_mirt(INPUTS[:50], values, mask, dimensions=2) for values in (score, blank))

    assert np.array_equal(first.success(INPUTS), second.success(INPUTS))


def test_classes_are_told_by_prototype_and_by_regression() -> None:
    classes = (INPUTS[:, 0] > 0.0).astype(np.int64) + (INPUTS[:, 0] > 1.0)

    prototype = baselines.nearest_prototype(INPUTS[TRAIN], np.minimum(classes[TRAIN], 1), INPUTS[TEST])
    logistic = baselines.logistic_classes(INPUTS[TRAIN], classes[TRAIN], INPUTS[TEST])

    assert (prototype == np.minimum(classes[TEST], 1)).mean() > 0.85
    assert (logistic == classes[TEST]).mean() > 0.85
    assert baselines.majority_class(np.array([2, 0, 2]), 4).tolist() == [2, 2, 2, 2]
