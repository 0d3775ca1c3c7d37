"""Fit the success network: from graded answers, which skills a prompt asks for, how hard it is and how sharply models differ on it.

    P(score) = sigmoid(a · (ability[m] + Σ weight[k] · strength[m, k] - b))

One loss joins three: the grades' negative log likelihood; the cross entropy of the skills, where a prompt's is known; and the
distance of b from what people say of the labelled prompts, which ties b to the scale that users see. Minimised by Adam (Kingma
and Ba 2015, algorithm 1) over shuffled batches; the seed is fixed, so equal data give equal weights on one machine.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.success import MAX_DISCRIMINATION, MIN_DISCRIMINATION
from pointsman.learning.fitting.adam import Adam

Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]

SEED = 0
EPOCHS = 14
BATCH = 512
PEAK_RATE = 2e-3
HIDDEN_WIDTH = 128
DROPOUT = 0.3
# An embedding's 384 parts would fit the noise of a few hundred prompts: for b they count for a hundredth of a feature.
# By a fifth of the training prompts: docs/evaluation.md, "Success". The skills, of which more is known, see them whole.
EMBEDDING_SCALE = 0.1
SKILL_WEIGHT = 0.3
# Of a labelled prompt beside a graded one, whose subject says more of which models fail.
LABELLED_SKILL_SHARE = 0.1
ANCHOR_WEIGHT = 0.3
LINEAR_L2 = 1e-3
STRENGTH_L2 = 2e-3
# Next to nothing: it only keeps the abilities from drifting together with b.
ABILITY_L2 = 1e-4
# Keeps ln a near 0: without it a grows to its bound for all prompts, and b and the abilities shrink instead.
DISCRIMINATION_L2 = 0.03
# Rates beside the peak rate: what stands alone sees few gradients.
RATES = {"ability": 25.0, "skill_difficulty": 25.0, "strength": 7.5, "judge": 2.5, "judge_hidden": 2.5, "judge_bias": 2.5}


@dataclass(frozen=True, slots=True, eq=False)
class SuccessData:
    """Prompts of three kinds in one table. embeddings (n, d) unit rows; features (n, f) scaled.

    scores: (n, m) grades 0 to 1, NaN where a model has none. skill: (n,) index, -1 where it is unknown.
    anchor: (n,) what people say of b, NaN where nobody did. weight: (n,) of the prompt's grades.
    """

    embeddings: Float32
    features: Float32
    scores: Float32
    skill: Integers
    anchor: Float32
    weight: Float32
    skill_count: int


@dataclass(slots=True, eq=False)
class SuccessWeights:
    """What is fitted. Names as in the module's formula; `gate` and `judge` are the linear maps to the skills and to b and ln a."""

    hidden: Float32  # (d + f, h)
    hidden_bias: Float32  # (h,)
    gate: Float32  # (d + f, k)
    gate_hidden: Float32  # (h, k)
    gate_bias: Float32  # (k,)
    judge: Float32  # (d + f, 2)
    judge_hidden: Float32  # (h, 2)
    judge_bias: Float32  # (2,)
    ability: Float32  # (m,)
    strength: Float32  # (m, k)
    skill_difficulty: Float32  # (k,) added to b by the skills' weights


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """One batch's way through the network."""

    activation: Float32  # (n, h) after dropout
    kept: Float32  # (n, h) what dropout and the rectifier let through
    weights: Float32  # (n, k) of the skills
    a: Float32  # (n,)
    is_free: NDArray[np.bool_]  # (n,) where ln a is within its bounds
    b: Float32  # (n,)
    distance: Float32  # (n, m) theta - b


def fit_success(data: SuccessData, *, hidden_width: int = HIDDEN_WIDTH, seed: int = SEED) -> SuccessWeights:
    """Fit all weights; the linear maps are returned for inputs as they are: embeddings, then scaled features."""
    random = np.random.default_rng(seed)
    dimensions = data.embeddings.shape[1]
    root = np.float32(np.sqrt(dimensions))
    gate_inputs = np.concatenate((data.embeddings * root, data.features), axis=1)
    judge_inputs = np.concatenate((data.embeddings * (root * np.float32(EMBEDDING_SCALE)), data.features), axis=1)
    weights = initial_weights(data, gate_inputs.shape[1], hidden_width, random)
    step_count = EPOCHS * -(-len(gate_inputs) // BATCH)
    adam = Adam({name: getattr(weights, name) for name in SuccessWeights.__slots__}, step_count, peak_rate=PEAK_RATE, rates=RATES)
    for _ in range(EPOCHS):
        order = random.permutation(len(gate_inputs))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            dropout = (random.random((len(rows), hidden_width)) >= DROPOUT).astype(np.float32) / np.float32(1.0 - DROPOUT)
            adam.step(gradients(weights, data, rows, gate_inputs[rows], judge_inputs[rows], dropout))
    weights.gate[:dimensions] *= root
    weights.judge[:dimensions] *= root * np.float32(EMBEDDING_SCALE)
    weights.hidden[:dimensions] *= root * np.float32(EMBEDDING_SCALE)
    return weights


def initial_weights(data: SuccessData, size: int, width: int, random: np.random.Generator) -> SuccessWeights:
    """Random hidden units (Glorot and Bengio 2010, equation 16), all else 0: what is not learned says nothing."""
    bound = np.sqrt(6.0 / (size + width))
    models, skills = data.scores.shape[1], data.skill_count

    def zeros(*shape: int) -> Float32:
        return np.zeros(shape, np.float32)

    return SuccessWeights(
        hidden=random.uniform(-bound, bound, (size, width)).astype(np.float32),
        hidden_bias=zeros(width),
        gate=zeros(size, skills),
        gate_hidden=zeros(width, skills),
        gate_bias=zeros(skills),
        judge=zeros(size, 2),
        judge_hidden=zeros(width, 2),
        judge_bias=zeros(2),
        ability=zeros(models),
        strength=zeros(models, skills),
        skill_difficulty=zeros(skills),
    )


def forward(w: SuccessWeights, gate_inputs: Float32, judge_inputs: Float32, dropout: Float32) -> Forward:
    """Skills' weights, a, and how far each model's ability is above b."""
    before = judge_inputs @ w.hidden + w.hidden_bias
    kept = (before > 0.0) * dropout
    activation = before * kept
    logits = gate_inputs @ w.gate + activation @ w.gate_hidden + w.gate_bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights = powers / powers.sum(axis=1, keepdims=True)
    judged = judge_inputs @ w.judge + activation @ w.judge_hidden + w.judge_bias
    b = judged[:, 0] + weights @ w.skill_difficulty
    low, high = np.float32(np.log(MIN_DISCRIMINATION)), np.float32(np.log(MAX_DISCRIMINATION))
    is_free = (judged[:, 1] > low) & (judged[:, 1] < high)
    a = np.exp(np.clip(judged[:, 1], low, high))
    return Forward(activation, kept, weights, a, is_free, b, w.ability + weights @ w.strength.T - b[:, None])


def gradients(
    w: SuccessWeights, data: SuccessData, rows: Integers, gate_inputs: Float32, judge_inputs: Float32, dropout: Float32
) -> dict[str, Float32]:
    """The loss's derivatives over one batch, by the weights' names."""
    found = forward(w, gate_inputs, judge_inputs, dropout)
    by_distance, by_log_a = grade_slopes(found, data.scores[rows], data.weight[rows])
    by_b = -by_distance.sum(axis=1) + anchor_slope(found.b, data.anchor[rows])
    by_weights = by_distance @ w.strength + by_b[:, None] * w.skill_difficulty
    by_logits = found.weights * (by_weights - (found.weights * by_weights).sum(axis=1, keepdims=True))
    by_logits += skill_slope(found.weights, data.skill[rows], ~np.isnan(data.anchor[rows]))
    by_log_a += np.float32(DISCRIMINATION_L2 / len(rows)) * np.log(found.a)
    by_log_a *= found.is_free
    by_judged = np.stack((by_b, by_log_a), axis=1)
    by_hidden = (by_logits @ w.gate_hidden.T + by_judged @ w.judge_hidden.T) * found.kept
    return {
        "hidden": judge_inputs.T @ by_hidden,
        "hidden_bias": by_hidden.sum(axis=0),
        "gate": gate_inputs.T @ by_logits,
        "gate_hidden": found.activation.T @ by_logits,
        "gate_bias": by_logits.sum(axis=0),
        "judge": judge_inputs.T @ by_judged + LINEAR_L2 * w.judge,
        "judge_hidden": found.activation.T @ by_judged,
        "judge_bias": by_judged.sum(axis=0),
        "ability": by_distance.sum(axis=0) + ABILITY_L2 * w.ability,
        "strength": by_distance.T @ found.weights + STRENGTH_L2 / max(1, len(w.ability)) * w.strength,
        "skill_difficulty": by_b @ found.weights,
    }


def grade_slopes(found: Forward, scores: Float32, weight: Float32) -> tuple[Float32, Float32]:
    """Of the mean over a prompt's grades: by theta - b, (n, m), and by ln a, (n,)."""
    is_graded = ~np.isnan(scores)
    probability = 0.5 * (1.0 + np.tanh(0.5 * found.a[:, None] * found.distance))
    share = weight / max(float(weight.sum()), 1e-6) / np.maximum(is_graded.sum(axis=1), 1)
    error = np.where(is_graded, probability - np.nan_to_num(scores), 0.0) * share[:, None]
    by_distance = (error * found.a[:, None]).astype(np.float32)
    return by_distance, (by_distance * found.distance).sum(axis=1)


def anchor_slope(b: Float32, anchor: Float32) -> Float32:
    """Of the mean squared distance of b from what people say, by b, (n,)."""
    is_anchored = ~np.isnan(anchor)
    count = max(1, int(is_anchored.sum()))
    return np.asarray(np.where(is_anchored, b - np.nan_to_num(anchor), 0.0) * (ANCHOR_WEIGHT / count), np.float32)


def skill_slope(weights: Float32, skill: Integers, is_labelled: NDArray[np.bool_]) -> Float32:
    """Of the mean cross entropy of the known skills, by the logits, (n, k)."""
    known = np.flatnonzero(skill >= 0)
    slope = np.zeros_like(weights)
    slope[known] = weights[known]
    slope[known, skill[known]] -= 1.0
    share = np.where(is_labelled, LABELLED_SKILL_SHARE, 1.0) * (SKILL_WEIGHT / max(1, len(known)))
    return np.asarray(slope * share[:, None], np.float32)
