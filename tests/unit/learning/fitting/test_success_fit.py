from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.classifier.core.success import MAX_DISCRIMINATION, MIN_DISCRIMINATION
from pointsman.learning.fitting import success_fit
from pointsman.learning.fitting.success_fit import SuccessData, SuccessWeights, fit_success, forward, gradients

Matrix = NDArray[np.float64]
STEP = 1e-5
NAMES = SuccessWeights.__slots__


@dataclass(frozen=True, slots=True)
class Problem:
    """A batch of few prompts, in double precision, that holds every kind: graded, labelled, of a known skill and not."""

    weights: SuccessWeights
    data: SuccessData
    # In double precision, unlike the fit's own.
    gate_inputs: Any
    judge_inputs: Any
    dropout: Any

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.arange(len(self.gate_inputs))

    def loss(self) -> float:
        """As the module's text has it, written anew."""
        w, data = self.weights, self.data
        hidden = np.maximum(self.judge_inputs @ w.hidden + w.hidden_bias, 0.0) * self.dropout
        logits = self.gate_inputs @ w.gate + hidden @ w.gate_hidden + w.gate_bias
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        judged = self.judge_inputs @ w.judge + hidden @ w.judge_hidden + w.judge_bias
        b = judged[:, 0] + shares @ w.skill_difficulty
        log_a = np.clip(judged[:, 1], np.log(MIN_DISCRIMINATION), np.log(MAX_DISCRIMINATION))
        chance = 1.0 / (1.0 + np.exp(-np.exp(log_a)[:, None] * (w.ability + shares @ w.strength.T - b[:, None])))
        value = 0.0
        for row in range(len(b)):
            answered = ~np.isnan(data.scores[row])
            if answered.any():
                score, p = data.scores[row, answered], chance[row, answered]
                value -= data.weight[row] / data.weight.sum() * (score * np.log(p) + (1 - score) * np.log(1 - p)).mean()
        anchored, known = ~np.isnan(data.anchor), np.flatnonzero(data.skill >= 0)
        value += success_fit.ANCHOR_WEIGHT * 0.5 * ((b - data.anchor)[anchored] ** 2).mean()
        weight = np.where(anchored[known], success_fit.LABELLED_SKILL_SHARE, 1.0) * success_fit.SKILL_WEIGHT
        value -= (weight * np.log(shares[known, data.skill[known]])).mean()
        value += success_fit.DISCRIMINATION_L2 * 0.5 * (log_a**2).mean() + success_fit.LINEAR_L2 * 0.5 * (w.judge**2).sum()
        value += (
            success_fit.STRENGTH_L2 / len(w.ability) * 0.5 * (w.strength**2).sum() + success_fit.ABILITY_L2 * 0.5 * (w.ability**2).sum()
        )
        return float(value)


def problem() -> Problem:
    random = np.random.default_rng(4)
    count, size, width, models, skills = 7, 3, 4, 3, 2
    shapes = {
        "hidden": (size, width),
        "hidden_bias": (width,),
        "gate": (size, skills),
        "gate_hidden": (width, skills),
        "gate_bias": (skills,),
        "judge": (size, 2),
        "judge_hidden": (width, 2),
        "judge_bias": (2,),
        "ability": (models,),
        "strength": (models, skills),
        "skill_difficulty": (skills,),
    }
    values: dict[str, Any] = {name: random.normal(0.0, 0.5, shape) for name, shape in shapes.items()}
    weights = SuccessWeights(**values)
    nan = np.nan
    scores = [[1, 0, nan], [0.5, nan, nan], [1, 1, 0], [nan, 0, 0.25], [0, 0, 1], [nan] * 3, [nan] * 3]
    data = SuccessData(
        embeddings=np.zeros((count, 0), np.float32),
        features=np.zeros((count, 0), np.float32),
        scores=np.array(scores, np.float64),
        skill=np.array([0, 1, -1, -1, 0, 1, 0]),
        anchor=np.array([nan] * 5 + [0.7, -1.2]),
        weight=np.array([1.0, 0.5, 2.0, 1.0, 1.0, 0.0, 0.0]),
        skill_count=skills,
    )
    dropout = (random.random((count, width)) > 0.3) / 0.7
    return Problem(weights, data, random.normal(size=(count, size)), random.normal(size=(count, size)), dropout)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_the_slope_of_the_loss(name: str) -> None:
    tiny = problem()
    values = getattr(tiny.weights, name)

    found = gradients(tiny.weights, tiny.data, tiny.rows, tiny.gate_inputs, tiny.judge_inputs, tiny.dropout)[name]

    slopes = np.zeros_like(values)
    for place in np.ndindex(values.shape):
        kept = values[place]
        values[place] = kept + STEP
        above = tiny.loss()
        values[place] = kept - STEP
        slopes[place] = (above - tiny.loss()) / (2.0 * STEP)
        values[place] = kept
    np.testing.assert_allclose(found, slopes, atol=1e-6)


def test_discrimination_stays_within_its_bounds_and_is_not_pushed_beyond() -> None:
    tiny = problem()
    tiny.weights.judge_bias[1] = 50.0

    found = forward(tiny.weights, tiny.gate_inputs, tiny.judge_inputs, tiny.dropout)
    slopes = gradients(tiny.weights, tiny.data, tiny.rows, tiny.gate_inputs, tiny.judge_inputs, tiny.dropout)

    assert found.a.tolist() == pytest.approx([MAX_DISCRIMINATION] * len(found.a))
    assert slopes["judge_bias"][1] == 0.0


def planted(count: int = 8_000) -> tuple[SuccessData, NDArray[np.int64], Matrix, Matrix]:
    """Answers of an item-response model: the data, each prompt's skill, its b, and the models' theta by skill."""
    random = np.random.default_rng(6)
    skill = random.integers(0, 2, count)
    embeddings = random.normal(size=(count, 8))
    embeddings[:, 0] = np.where(skill == 0, 3.0, -3.0)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    features = random.normal(size=(count, 2))
    b = 1.5 * features[:, 0]
    general, special = np.linspace(-1.5, 1.5, 10), np.tile([1.0, -1.0], 5)
    theta = np.stack((general + special, general - special), axis=1)
    chance = 1.0 / (1.0 + np.exp(-(theta[:, skill].T - b[:, None])))
    scores = (random.random(chance.shape) < chance).astype(np.float32)
    scores[random.random(scores.shape) < 0.3] = np.nan
    data = SuccessData(
        embeddings=embeddings.astype(np.float32),
        features=features.astype(np.float32),
        scores=scores,
        skill=np.where(random.random(count) < 0.5, skill, -1),
        anchor=np.full(count, np.nan, np.float32),
        weight=np.ones(count, np.float32),
        skill_count=2,
    )
    return data, skill, b, theta


def test_planted_skills_difficulties_and_abilities_are_found_again() -> None:
    data, skill, b, theta = planted()

    fitted = fit_success(data, hidden_width=8)
    inputs = np.concatenate((data.embeddings, data.features), axis=1)
    found = forward(fitted, inputs, inputs, np.ones((len(b), 8), np.float32))
    abilities = fitted.ability[:, None] + fitted.strength

    assert (found.weights.argmax(axis=1) == skill).mean() > 0.99
    assert np.corrcoef(found.b, b)[0, 1] > 0.95
    assert np.corrcoef(abilities.ravel(), theta.ravel())[0, 1] > 0.93
    assert (np.sign(abilities[:, 0] - abilities[:, 1]) == np.sign(theta[:, 0] - theta[:, 1])).all()


def test_labels_alone_place_b_where_people_say() -> None:
    data, _, b, _ = planted(2_000)
    labelled = SuccessData(
        data.embeddings, data.features, np.zeros((2_000, 0), np.float32), data.skill, b.astype(np.float32), np.zeros(2_000, np.float32), 2
    )

    fitted = fit_success(labelled, hidden_width=8)
    inputs = np.concatenate((data.embeddings, data.features), axis=1)
    found = forward(fitted, inputs, inputs, np.ones((2_000, 8), np.float32))

    assert np.corrcoef(found.b, b)[0, 1] > 0.95
    assert all(np.isfinite(getattr(fitted, name)).all() for name in NAMES)


def test_equal_data_give_equal_weights_and_another_seed_others() -> None:
    data = planted(200)[0]

    first, second, other = fit_success(data, hidden_width=4), fit_success(data, hidden_width=4), fit_success(data, hidden_width=4, seed=1)

    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in NAMES)
    assert not np.array_equal(first.hidden, other.hidden)
