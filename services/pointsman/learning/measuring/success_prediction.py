"""How probably named models answer prompts well, exactly as a ranking by the artefact's skills would have it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import Artifact

Matrix = NDArray[np.float64]


def success_matrix(artifact: Artifact, inputs: NDArray[np.float32], models: Sequence[str]) -> Matrix:
    """P(success), float64 (n, m). inputs: float32 (n, d + f), as PromptEncoder.head_inputs gives them.

    A model that the artefact has no grades of has the mean ability of those it has.
    """
    weights, b, a = artifact.success.apply(network_inputs(artifact, inputs))
    theta = weights @ abilities_of(artifact, models).T
    return np.asarray(1.0 / (1.0 + np.exp(-a[:, None] * (theta - b[:, None]))))


def plain_success_matrix(artifact: Artifact, difficulty: Matrix, models: Sequence[str]) -> Matrix:
    """P(success), float64 (n, m), where no skill is known: by b (n,) and each model's mean ability."""
    theta = abilities_of(artifact, models).mean(axis=1)
    return np.asarray(1.0 / (1.0 + np.exp(difficulty[:, None] - theta[None, :])))


def network_inputs(artifact: Artifact, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inputs with their features scaled. float32 (n, d + f)."""
    size = artifact.dimensions
    return np.concatenate((inputs[:, :size], artifact.scaling.apply(inputs[:, size:])), axis=1)


def abilities_of(artifact: Artifact, models: Sequence[str]) -> Matrix:
    """Theta by skill, float64 (m, skills)."""
    numbers = {name: number for number, name in enumerate(artifact.models)}
    mean = artifact.abilities.mean(axis=0) if len(artifact.models) else np.zeros(len(artifact.success.skills))
    found = [artifact.abilities[numbers[name]] if name in numbers else mean for name in models]
    return np.array(found, np.float64).reshape(len(found), len(mean))
