"""Multidimensional item-response head on embeddings: P(model m answers prompt x well) = sigmoid(a(x) · theta_m - b(x) + d_m).

a(x) and b(x) are linear in the prompt's inputs: the two-parameter model of Reckase 2009, "Multidimensional Item Response Theory",
section 4.1, with the prompt's parameters predicted as in IRT-Router (Song et al. 2025). A baseline to compare with.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pointsman.learning.fitting.linear_fit import Matrix, minimise, sigmoid

DIMENSIONS = 8
INPUT_L2 = 3.0
ABILITY_L2 = 0.1
# Zero is a saddle of the product a · theta; small enough to leave the result to the data.
START_DEVIATION = 0.1
SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class MirtHead:
    """traits (d + 1, k + 1): a and -b of an input with a 1 added; abilities (m, k + 1): theta, and d in the last column."""

    traits: Matrix
    abilities: Matrix

    def success(self, inputs: NDArray[np.floating]) -> Matrix:
        """(n, m) probabilities for inputs (n, d)."""
        return sigmoid(_prompt_side(_with_one(inputs) @ self.traits) @ _model_side(self.abilities).T)


def fit_mirt(
    inputs: NDArray[np.floating], score: Matrix, mask: NDArray[np.bool_], *, dimensions: int = DIMENSIONS, seed: int = SEED
) -> MirtHead:
    """Fit inputs (n, d) to scores (n, m) 0 to 1 where mask (n, m) holds. Deterministic for a seed."""
    rows, targets = _with_one(inputs), score[mask].astype(np.float64)
    # Most models have answered few of the prompts: only the cells that hold an answer are computed.
    prompt, model = np.nonzero(mask)
    width = dimensions + 1
    size = rows.shape[1] * width

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        head = MirtHead(flat[:size].reshape(-1, width), flat[size:].reshape(-1, width))
        prompts, models = _prompt_side(rows @ head.traits), _model_side(head.abilities)
        logits = np.einsum("ij,ij->i", prompts[prompt], models[model])
        errors = csr_array((sigmoid(logits) - targets, (prompt, model)), shape=mask.shape)
        by_prompts, by_models = np.asarray(errors @ models), np.asarray(errors.T @ prompts)
        by_traits = rows.T @ by_prompts[:, :width] + INPUT_L2 * head.traits
        by_abilities = np.delete(by_models, dimensions, axis=1) + ABILITY_L2 * head.abilities
        value = float((np.logaddexp(0.0, logits) - targets * logits).sum())
        value += 0.5 * (INPUT_L2 * float((head.traits**2).sum()) + ABILITY_L2 * float((head.abilities**2).sum()))
        return value, np.concatenate((by_traits.ravel(), by_abilities.ravel()))

    start = np.random.default_rng(seed).normal(0.0, START_DEVIATION, size + score.shape[1] * width)
    flat = minimise(loss, start)
    return MirtHead(flat[:size].reshape(-1, width), flat[size:].reshape(-1, width))


def _with_one(inputs: NDArray[np.floating]) -> Matrix:
    return np.column_stack((inputs.astype(np.float64), np.ones(len(inputs))))


def _prompt_side(traits: Matrix) -> Matrix:
    """(n, k + 2): a, -b, 1; the logit is its product with the model's side."""
    return np.column_stack((traits, np.ones(len(traits))))


def _model_side(abilities: Matrix) -> Matrix:
    """(m, k + 2): theta, 1, d."""
    return np.column_stack((abilities[:, :-1], np.ones(len(abilities)), abilities[:, -1]))
