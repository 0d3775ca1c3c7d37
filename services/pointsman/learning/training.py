"""From labelled and graded prompts to the classifier's artefact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import Artifact, FusionSettings, dump_artifact, load_artifact
from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.fusion import Difficulty
from pointsman.classifier.core.similarity import ExampleSet
from pointsman.learning.difficulty_fit import DifficultyData, fit_difficulty
from pointsman.learning.graded import Observations
from pointsman.learning.labelled import LabelledPrompt
from pointsman.learning.linear_fit import Matrix, fit_logit, fit_multinomial, scaling_of, softmax
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

FOLDS = 5
# By 5-fold cross-validation on the own examples, docs/evaluation.md: 0.1 to 0.6 are equal, 1 is worse.
CATEGORY_L2 = 0.3
CREATIVITY_L2 = 1.0
DIFFICULTY_L2 = 3.0
# All graded answers together count for as much as so many labels. More of them make b tell better which models
# fail within one benchmark, and worse how hard people find a prompt; docs/evaluation.md, "Difficulty".
GRADED_WEIGHT = 1_000.0
TEMPERATURES = np.arange(0.2, 3.01, 0.05)
LEVELS = {Difficulty.EASY: 0, Difficulty.MEDIUM: 1, Difficulty.HARD: 2}
# The thresholds are the design's. Exponents near 1 treat rules and model as independent witnesses (naive Bayes);
# the rules' is less, because their patterns overlap. They are not fitted on the own examples: the rules were written
# with these in view and would get too much weight. What they do on prompts that neither has seen: docs/evaluation.md.
FUSION = FusionSettings(rules_sure=0.7, model_sure=0.8, rules_weight=0.7, model_weight=1.0, added_similarity=0.55)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What to learn from. inputs (n, d + f) of the prompts, graded_inputs (m, d + f) of the graded ones."""

    prompts: tuple[LabelledPrompt, ...]
    inputs: NDArray[np.float32]
    graded_inputs: NDArray[np.float32]
    observations: Observations
    encoder: str

    def subset(self, indices: Sequence[int]) -> "TrainingData":
        """The same with some of the labelled prompts."""
        return replace(self, prompts=tuple(self.prompts[index] for index in indices), inputs=self.inputs[list(indices)])


def train_artifact(data: TrainingData, report: Mapping[str, Any]) -> Artifact:
    """Fit every head on all of the data; the same data give the same artefact."""
    scaling = scaling_of(data.inputs)
    scaled = scaling.apply(data.inputs)
    targets = category_targets(data.prompts)
    creativity = np.array([prompt.creativity for prompt in data.prompts])
    levels = np.array([LEVELS[prompt.difficulty] for prompt in data.prompts])
    difficulty = fit_difficulty(
        DifficultyData(scaled, levels, scaling.apply(data.graded_inputs), data.observations), l2=DIFFICULTY_L2, graded_weight=GRADED_WEIGHT
    )
    artifact = Artifact(
        version="",
        encoder=data.encoder,
        categories=BUILT_IN_CATEGORIES,
        category_head=scaling.fold(*fit_multinomial(scaled, targets, CATEGORY_L2)),
        category_temperature=fit_temperature(out_of_fold_logits(data.prompts, scaled, targets), targets),
        difficulty_head=scaling.fold(difficulty.b_weights[:, None], np.array([difficulty.b_bias])),
        discrimination_head=scaling.fold(difficulty.a_weights[:, None], np.array([difficulty.a_bias])),
        creativity_head=scaling.fold(*fit_logit(scaled, creativity, CREATIVITY_L2)),
        fusion=FUSION,
        examples=example_set(data),
        report=report,
    )
    return load_artifact(dump_artifact(artifact))


def category_targets(prompts: Sequence[LabelledPrompt]) -> Matrix:
    """One row for each prompt, 1 at its category."""
    return np.eye(len(BUILT_IN_CATEGORIES))[[BUILT_IN_CATEGORIES.index(prompt.category) for prompt in prompts]]


def out_of_fold_logits(prompts: Sequence[LabelledPrompt], scaled: Matrix, targets: Matrix) -> Matrix:
    """The category head's logits for each prompt, from heads that have not seen it."""
    folds = np.array([prompt.bucket(FOLDS) for prompt in prompts])
    logits = np.zeros_like(targets)
    for fold in range(FOLDS):
        weights, bias = fit_multinomial(scaled[folds != fold], targets[folds != fold], CATEGORY_L2)
        logits[folds == fold] = scaled[folds == fold] @ weights + bias
    return logits


def fit_temperature(logits: Matrix, targets: Matrix) -> float:
    """The temperature under which unseen prompts are least surprising: Guo et al. 2017, section 4.2."""
    losses = [-float((targets * np.log(softmax(logits / temperature) + 1e-12)).sum()) for temperature in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 2)


def example_set(data: TrainingData) -> ExampleSet:
    """The own examples, which may be shown."""
    own = [index for index, prompt in enumerate(data.prompts) if prompt.is_own]
    embeddings = data.inputs[own][:, : data.inputs.shape[1] - len(FEATURE_NAMES)]
    return ExampleSet(tuple(data.prompts[i].text for i in own), tuple(data.prompts[i].category for i in own), embeddings)
