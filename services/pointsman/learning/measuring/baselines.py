"""What a router and a classifier are compared with, re-run on the same prompts.

Rankers return a rank (n,), higher goes to the strong model first, for `routing_metrics`. Learned ones take
train_inputs (t, d), train_weak and train_strong (t,) scores 0 to 1, and inputs (n, d). Head inputs are embeddings with lexical features
after them: `embeddings_of` and `features_of` take them apart. Random order is a constant rank: ties are counted by expectation.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.learning.fitting.boosted_stumps import fit_stumps
from pointsman.learning.fitting.linear_fit import Matrix, fit_logit, fit_multinomial, sigmoid
from pointsman.learning.fitting.mirt_fit import fit_mirt
from pointsman.learning.measuring.resampling import Vector

Inputs = NDArray[np.float32]
Classes = NDArray[np.int64]

# Penalty of the logistic regressions: the customary 1 in units of one answer (C = 1 elsewhere), chosen on nothing.
L2 = 1.0


def embeddings_of(head_inputs: Inputs) -> Inputs:
    """The embeddings (n, d) of head inputs (n, d + f)."""
    return head_inputs[:, : head_inputs.shape[1] - len(FEATURE_NAMES)]


def features_of(head_inputs: Inputs) -> Inputs:
    """The lexical features (n, f) of head inputs (n, d + f)."""
    return head_inputs[:, head_inputs.shape[1] - len(FEATURE_NAMES) :]


def oracle(weak: ArrayLike, strong: ArrayLike) -> Vector:
    """What one would need to know: strong minus weak."""
    return np.asarray(strong, np.float64) - np.asarray(weak, np.float64)


def prompt_length(texts: Sequence[str]) -> Vector:
    """Longer prompts to the strong model; in characters."""
    return np.array([len(text) for text in texts], np.float64)


def logistic_difference(train_inputs: Inputs, train_weak: Matrix, train_strong: Matrix, inputs: Inputs) -> Vector:
    """p_strong - p_weak of two logistic regressions."""
    return _logistic(train_inputs, train_strong, inputs) - _logistic(train_inputs, train_weak, inputs)


def logistic_needed(train_inputs: Inputs, train_weak: Matrix, train_strong: Matrix, inputs: Inputs) -> Vector:
    """Logistic regression of the label "the strong answer is better"."""
    return _logistic(train_inputs, (train_strong > train_weak).astype(np.float64), inputs)


def boosted_stumps_difference(train_inputs: Inputs, train_weak: Matrix, train_strong: Matrix, inputs: Inputs) -> Vector:
    """p_strong - p_weak of two gradient-boosted sums of single splits; for few features, such as lexical ones."""
    strong, weak = (sigmoid(fit_stumps(train_inputs, scores).logits(inputs)) for scores in (train_strong, train_weak))
    return strong - weak


def mirt_success(train_inputs: Inputs, train_score: Matrix, train_mask: NDArray[np.bool_], inputs: Inputs) -> Matrix:
    """P(model answers well) (n, m) by an item-response head that learns from all models' scores (t, m) at once.

    A pair's rank is the strong model's column minus the weak one's.
    """
    return fit_mirt(train_inputs, train_score, train_mask).success(inputs)


def nearest_prototype(train_inputs: Inputs, train_classes: Classes, inputs: Inputs) -> Classes:
    """The class (n,) with the nearest mean embedding by cosine; every number below the greatest needs an example."""
    count = int(train_classes.max()) + 1
    prototypes = np.stack([train_inputs[train_classes == number].mean(axis=0) for number in range(count)])
    return np.asarray((inputs @ (prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)).T).argmax(axis=1))


def logistic_classes(train_inputs: Inputs, train_classes: Classes, inputs: Inputs) -> Classes:
    """The class (n,) of a multinomial logistic regression."""
    targets = np.eye(int(train_classes.max()) + 1)[train_classes]
    weights, bias = fit_multinomial(train_inputs.astype(np.float64), targets, L2)
    return np.asarray((inputs @ weights + bias).argmax(axis=1))


def majority_class(train_classes: Classes, count: int) -> Classes:
    """The commonest class, for each of `count` prompts."""
    return np.full(count, np.bincount(train_classes).argmax())


def _logistic(train_inputs: Inputs, targets: Matrix, inputs: Inputs) -> Vector:
    weights, bias = fit_logit(train_inputs.astype(np.float64), targets, L2)
    return sigmoid(inputs @ weights[:, 0] + bias[0])
