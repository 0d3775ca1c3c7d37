"""From labelled and graded prompts to the classifier's artefact."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import Artifact, FusionSettings, dump_artifact, load_artifact
from pointsman.classifier.core.fusion import Difficulty
from pointsman.classifier.core.heads import FeatureScaling, Reader, softmax
from pointsman.classifier.core.similarity import ExampleSet
from pointsman.classifier.core.success import SuccessNetwork
from pointsman.learning.data.graded import GradedPrompt, grades_of
from pointsman.learning.data.labelled import LabelledPrompt
from pointsman.learning.data.training_data import TrainingData
from pointsman.learning.fitting.linear_fit import Matrix
from pointsman.learning.fitting.success_fit import HIDDEN_WIDTH, SEED, SuccessData, SuccessWeights, fit_success
from pointsman.learning.fitting.text_fit import (
    CATEGORY_L2,
    COMPLEXITY_L2,
    CREATIVITY_L2,
    FittedHead,
    TextInputs,
    category_loss,
    complexity_loss,
    fit_head,
    share_loss,
    text_head,
)
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

FOLDS = 5
# Beside features of deviation 1. Meaning tells the category; of how hard a prompt is, form and words tell more.
EMBEDDING_SCALE = 1.0
EMBEDDING_SCALE_OF_COMPLEXITY = 0.5
EVIDENCE_SCALE = 2.0
TEMPERATURES = np.arange(0.3, 2.01, 0.05)
LEVELS = {Difficulty.EASY: 0, Difficulty.MEDIUM: 1, Difficulty.HARD: 2}
# b of a prompt of which only the class is known: the middle of the class, as a logit.
LEVEL_LOGITS = (-1.4, 0.0, 1.2)
CLEAREST_COMPLEXITY = 0.05
# A skill of fewer prompts is no skill: nothing can be learned of it.
MIN_PROMPTS_OF_A_SKILL = 8
# A source of so many prompts has weight 1, others by the root of their size: the large ones know more, but not everything.
ORDINARY_SOURCE_SIZE = 900
# Below it another category is as probable: docs/evaluation.md, "Unsure".
FUSION = FusionSettings(added_similarity=0.55, unsure_below=0.5)


@dataclass(frozen=True, slots=True, eq=False)
class SuccessPart:
    """What of an artefact is learned from graded answers."""

    network: SuccessNetwork
    models: tuple[str, ...]
    abilities: NDArray[np.float32]  # (models, skills)


def train_artifact(data: TrainingData, report: Mapping[str, Any], *, success: SuccessPart | None = None) -> Artifact:
    """Fit every head on all of the data; the same data give the same artefact.

    success: of an earlier fit, where only the readers are to be measured.
    """
    scaling = scaling_of(data)
    fitted = success if success is not None else fit_success_part(data, scaling)
    artifact = Artifact(
        version="",
        encoder=data.encoder,
        categories=BUILT_IN_CATEGORIES,
        scaling=scaling,
        hybrid=fit_reader(data, scaling, with_embedding=True, with_rules=True),
        similarity=fit_reader(data, scaling, with_embedding=True, with_rules=False),
        features=fit_reader(data, scaling, with_embedding=False, with_rules=False),
        success=fitted.network,
        models=fitted.models,
        abilities=fitted.abilities,
        fusion=FUSION,
        examples=example_set(data),
        report=report,
    )
    return load_artifact(dump_artifact(artifact))


def scaling_of(data: TrainingData) -> FeatureScaling:
    """Mean and deviation of the features, labelled and graded prompts each counting for half."""
    parts = [inputs[:, data.dimensions :].astype(np.float64) for inputs in (data.inputs, data.graded_inputs) if len(inputs)]
    mean = np.mean([part.mean(axis=0) for part in parts], axis=0)
    variance = np.mean([((part - mean) ** 2).mean(axis=0) for part in parts], axis=0)
    return FeatureScaling(mean.astype(np.float32), (1.0 / (np.sqrt(variance) + 1e-6)).astype(np.float32))


def fit_reader(data: TrainingData, scaling: FeatureScaling, *, with_embedding: bool, with_rules: bool) -> Reader:
    """A reader of these witnesses."""
    if with_rules:  # they were written by the examples and know them too well: what they are worth shows on the others
        others = [index for index, prompt in enumerate(data.prompts) if not prompt.is_example]
        data = data.subset(others) if others else data
    inputs = text_inputs(data, scaling, with_embedding=with_embedding, with_rules=with_rules)
    calmer = text_inputs(data, scaling, with_embedding=with_embedding, with_rules=with_rules, embedding_scale=EMBEDDING_SCALE_OF_COMPLEXITY)
    targets = category_targets(data.prompts)
    levels = np.array([LEVELS[prompt.difficulty] for prompt in data.prompts])
    creativity = np.array([prompt.creativity for prompt in data.prompts])
    category = fit_head(inputs, category_loss(targets), targets.shape[1], l2=CATEGORY_L2)
    complexity = fit_head(calmer, complexity_loss(levels, complexity_logits(data.prompts)), 1, l2=COMPLEXITY_L2)
    parts = (category, rescaled(complexity, calmer, inputs), fit_head(inputs, share_loss(creativity), 1, l2=CREATIVITY_L2))
    return Reader(text_head(inputs, parts), fit_temperature(out_of_fold_logits(data.prompts, inputs, targets), targets))


def text_inputs(
    data: TrainingData, scaling: FeatureScaling, *, with_embedding: bool, with_rules: bool, embedding_scale: float = EMBEDDING_SCALE
) -> TextInputs:
    """Embedding, features, the rules' evidence, as far as they are wanted, each scaled to count as it should."""
    size = data.dimensions
    embeddings, features = data.inputs[:, :size], scaling.apply(data.inputs[:, size:])
    parts = [(embeddings, embedding_scale * float(np.sqrt(size)))] if with_embedding else []
    parts.append((features, 1.0))
    if with_rules:
        parts.append((data.evidence, EVIDENCE_SCALE))
    dense = np.concatenate([values.astype(np.float64) * factor for values, factor in parts], axis=1)
    scale = np.concatenate([np.full(values.shape[1], factor) for values, factor in parts])
    return TextInputs(dense, scale, data.ngrams)


def rescaled(head: FittedHead, found: TextInputs, wanted: TextInputs) -> FittedHead:
    """The head for inputs that are scaled otherwise."""
    return FittedHead(head.dense * (found.scale / wanted.scale)[:, None], head.ngrams, head.bias)


def fit_success_part(data: TrainingData, scaling: FeatureScaling, *, hidden_width: int = HIDDEN_WIDTH, seed: int = SEED) -> SuccessPart:
    """The success network, and the abilities of the models that were graded.

    Skills are the categories, which the labelled prompts are of, and the subjects of the graded ones. Labelled prompts
    tie b to what people say of them: where nothing is graded, a prompt is as hard for models as for people.
    """
    grades = grades_of(data.graded)
    counts = Counter(prompt.skill for prompt in data.graded)
    subjects = {skill for skill, count in counts.items() if count >= MIN_PROMPTS_OF_A_SKILL}
    skills = (*BUILT_IN_CATEGORIES, *sorted(subjects - set(BUILT_IN_CATEGORIES)))
    numbers = {skill: number for number, skill in enumerate(skills)}
    size = data.dimensions
    inputs = np.concatenate((data.graded_inputs, data.inputs))
    weights = fit_success(
        SuccessData(
            embeddings=inputs[:, :size],
            features=scaling.apply(inputs[:, size:]),
            scores=np.concatenate((grades.scores, np.full((len(data.prompts), len(grades.models)), np.nan, np.float32))),
            skill=np.array([numbers.get(p.skill, -1) for p in data.graded] + [numbers[p.category] for p in data.prompts]),
            anchor=np.concatenate((np.full(len(data.graded), np.nan), anchors(data.prompts))).astype(np.float32),
            weight=np.concatenate((grade_weights(data.graded), np.zeros(len(data.prompts)))).astype(np.float32),
            skill_count=len(skills),
        ),
        hidden_width=hidden_width,
        seed=seed,
    )
    return SuccessPart(network_of(weights, skills), grades.models, weights.ability[:, None] + weights.strength)


def grade_weights(prompts: Sequence[GradedPrompt]) -> Matrix:
    """(n,) how much each prompt's grades count: more models tell more, and no source drowns the others."""
    sizes = Counter(prompt.source for prompt in prompts)
    return np.array([np.sqrt(len(prompt.scores) * ORDINARY_SOURCE_SIZE / sizes[prompt.source]) for prompt in prompts])


def network_of(w: SuccessWeights, skills: tuple[str, ...]) -> SuccessNetwork:
    """The network of fitted weights."""
    linear = np.concatenate((w.gate, w.judge), axis=1)
    after = np.concatenate((w.gate_hidden, w.judge_hidden), axis=1)
    return SuccessNetwork(
        skills=skills,
        hidden=w.hidden,
        hidden_bias=w.hidden_bias,
        outputs=np.concatenate((linear, after)),
        output_bias=np.concatenate((w.gate_bias, w.judge_bias)),
        skill_difficulty=w.skill_difficulty,
    )


def anchors(prompts: Sequence[LabelledPrompt]) -> Matrix:
    """(n,) b as people see it: the logit of the complexity, or the middle of the class."""
    known = complexity_logits(prompts)
    middles = np.array([LEVEL_LOGITS[LEVELS[prompt.difficulty]] for prompt in prompts])
    return np.where(np.isnan(known), middles, known)


def complexity_logits(prompts: Sequence[LabelledPrompt]) -> Matrix:
    """(n,) NaN where only the class is known."""
    shares = np.array([np.nan if prompt.complexity is None else prompt.complexity for prompt in prompts], np.float64)
    bounded = np.clip(shares, CLEAREST_COMPLEXITY, 1.0 - CLEAREST_COMPLEXITY)
    return np.log(bounded / (1.0 - bounded))


def category_targets(prompts: Sequence[LabelledPrompt]) -> Matrix:
    """One row for each prompt, 1 at its category."""
    return np.eye(len(BUILT_IN_CATEGORIES))[[BUILT_IN_CATEGORIES.index(prompt.category) for prompt in prompts]]


def out_of_fold_logits(prompts: Sequence[LabelledPrompt], inputs: TextInputs, targets: Matrix) -> Matrix:
    """The category head's logits for each prompt, from heads that have not seen it."""
    folds = np.array([prompt.bucket(FOLDS) for prompt in prompts])
    logits = np.zeros_like(targets)
    for fold in range(FOLDS):
        rest, part = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(part):
            logits[part] = fit_head(inputs.rows(rest), category_loss(targets[rest]), targets.shape[1], l2=CATEGORY_L2).apply(
                inputs.rows(part)
            )
    return logits


def fit_temperature(logits: Matrix, targets: Matrix) -> float:
    """The temperature under which unseen prompts are least surprising: Guo et al. 2017, section 4.2."""
    losses = [-float((targets * np.log(softmax(logits / temperature) + 1e-12)).sum()) for temperature in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 2)


def example_set(data: TrainingData) -> ExampleSet:
    """The examples, which may be shown."""
    shown = [index for index, prompt in enumerate(data.prompts) if prompt.is_example]
    embeddings = data.inputs[shown][:, : data.dimensions]
    return ExampleSet(tuple(data.prompts[i].text for i in shown), tuple(data.prompts[i].category for i in shown), embeddings)
