"""How hard a prompt is for models, and which skills it asks for: multidimensional item response theory.

    P(model answers well) = sigmoid(a · (Σ weight[k] · ability[k] - b))

with the prompt's difficulty b and discrimination a and its weights over skills, which sum to 1: Reckase, Multidimensional
Item Response Theory, 2009, section 4.1, with the skills' weights as a distribution. Skills are what the training prompts were grouped
by, such as "professional_law": finer than categories, because models differ more between subjects than within.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.heads import require_finite, softmax

Vector = NDArray[np.float32]

# Where a · (theta - b) still says something.
MAX_DIFFICULTY_LOGIT = 5.0
# Discrimination of ordinary items in item-response studies: Baker, The Basics of Item Response Theory, table 2-1.
MIN_DISCRIMINATION = 0.35
MAX_DISCRIMINATION = 2.5


@dataclass(frozen=True, slots=True)
class Demand:
    """What a prompt asks of a model."""

    difficulty_logit: float  # b
    discrimination: float  # a, above 0
    skill_weights: tuple[float, ...]  # in the order of the network's skills; sum to 1


@dataclass(frozen=True, slots=True, eq=False)
class SuccessNetwork:
    """One hidden layer beside a linear map, over the embedding (d), then the scaled features (f).

    hidden: float32 (d + f, h), hidden_bias (h,); outputs: float32 (d + f + h, k + 2), output_bias (k + 2,): a logit for
    each of the k skills, b, then ln a. skill_difficulty (k,): added to b by the skills' weights.
    """

    skills: tuple[str, ...]
    hidden: Vector
    hidden_bias: Vector
    outputs: Vector
    output_bias: Vector
    skill_difficulty: Vector

    def __post_init__(self) -> None:
        """Raise ValueError where the shapes do not agree or a number is not finite."""
        require_finite("the success network", self.hidden, self.hidden_bias, self.outputs, self.output_bias, self.skill_difficulty)
        size, width = self.hidden.shape
        if (
            self.hidden_bias.shape != (width,)
            or self.outputs.shape != (size + width, len(self.skills) + 2)
            or self.output_bias.shape != self.outputs.shape[1:]
            or self.skill_difficulty.shape != (len(self.skills),)
        ):
            raise ValueError("the success network's shapes do not agree")

    def apply(self, inputs: Vector) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """inputs: float32 (n, d + f). Returns the skills' weights (n, k), b (n,) and a (n,)."""
        activation = np.maximum(inputs @ self.hidden + self.hidden_bias, 0.0)
        outputs = (np.concatenate((inputs, activation), axis=1) @ self.outputs + self.output_bias).astype(np.float64)
        weights = softmax(outputs[:, :-2])
        b = np.clip(outputs[:, -2] + weights @ self.skill_difficulty, -MAX_DIFFICULTY_LOGIT, MAX_DIFFICULTY_LOGIT)
        a = np.exp(np.clip(outputs[:, -1], math.log(MIN_DISCRIMINATION), math.log(MAX_DISCRIMINATION)))
        return weights, b, a

    def demand(self, inputs: Vector) -> Demand:
        """What one prompt asks. inputs: float32 (d + f,)."""
        weights, b, a = self.apply(inputs[None, :])
        return Demand(float(b[0]), float(a[0]), tuple(weights[0].tolist()))
