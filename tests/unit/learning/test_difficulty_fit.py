from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.learning.difficulty_fit import THRESHOLDS, DifficultyData, fit_difficulty, graded_loss, label_loss
from pointsman.learning.graded import Observations, observations_of

NOTHING = observations_of([])
GENERATOR = np.random.default_rng(2)
STEP = 1e-5
Vector = NDArray[np.float64]


def slope_of(loss: Callable[[Vector], float], at: Vector) -> list[float]:
    """Derivatives by central differences."""
    steps = np.eye(len(at)) * STEP
    return [(loss(at + step) - loss(at - step)) / (2 * STEP) for step in steps]


def simulated(count: int = 400, solver_count: int = 12) -> tuple[Vector, Observations, Vector]:
    """Answers of an item-response model: inputs, grades, and the true b."""
    inputs = GENERATOR.normal(size=(count, 3))
    truth = inputs @ np.array([1.0, -0.5, 0.0])
    abilities = np.linspace(-2, 2, solver_count)
    chance = 1 / (1 + np.exp(-(abilities[None, :] - truth[:, None])))
    score = (GENERATOR.random(chance.shape) < chance).astype(np.float64)
    prompt, solver = np.divmod(np.arange(chance.size), solver_count)
    return inputs, Observations(prompt, solver, score.ravel(), tuple(("s", str(n)) for n in range(solver_count))), truth


def test_labels_alone_place_prompts_in_their_classes() -> None:
    inputs = np.repeat(np.array([[-1.0], [0.0], [1.0]]), 10, axis=0)
    levels = np.repeat([0, 1, 2], 10)

    found = fit_difficulty(DifficultyData(inputs, levels, np.zeros((0, 1)), NOTHING), l2=0.01, graded_weight=0.0)

    assert np.digitize(inputs @ found.b_weights + found.b_bias, THRESHOLDS).tolist() == levels.tolist()


def test_grades_alone_tell_which_prompts_are_harder() -> None:
    inputs, observed, truth = simulated()

    found = fit_difficulty(
        DifficultyData(np.zeros((0, 3)), np.zeros(0, np.int64), inputs, observed), l2=0.01, graded_weight=float(len(observed.score))
    )

    assert np.corrcoef(inputs @ found.b_weights, truth)[0, 1] > 0.95
    assert np.corrcoef(found.abilities, np.linspace(-2, 2, 12))[0, 1] > 0.95


def test_gradient_of_the_labels_is_the_slope_of_their_loss() -> None:
    levels, at = np.array([0, 1, 2, 1]), np.array([-1.0, 0.2, 0.5, 1.5])

    assert label_loss(at, levels)[1].tolist() == pytest.approx(slope_of(lambda b: label_loss(b, levels)[0], at), abs=1e-6)


@pytest.mark.parametrize("part", [0, 1, 2], ids=["b", "ln a", "abilities"])
def test_gradient_of_the_grades_is_the_slope_of_their_loss(part: int) -> None:
    observed = Observations(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1.0, 0.0, 0.5]), (("s", "a"), ("s", "b")))
    start = [np.array([0.3, -0.4]), np.array([0.1, -0.2]), np.array([0.5, -0.5])]

    def loss(values: Vector) -> float:
        b, log_a, abilities = (values if index == part else start[index] for index in range(3))
        return graded_loss(b, log_a, abilities, observed)[0]

    _, *gradients = graded_loss(start[0], start[1], start[2], observed)

    assert gradients[part].tolist() == pytest.approx(slope_of(loss, start[part]), abs=1e-6)
