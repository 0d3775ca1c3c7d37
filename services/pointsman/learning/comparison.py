"""Which heads tell success and category best: `python -m pointsman.learning.comparison DIR`.

Each is fitted on the folder's training prompts, or on the product's own, and measured on the folder's other prompts, or on its
labels, which none of them has seen. One row is shipped; the others are what it was chosen among. Then: what more prompts
to learn from have brought, and what nobody could do better than.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.heads import softmax
from pointsman.classifier.settings import ClassifierSettings
from pointsman.learning.data.collecting import Collected, collect
from pointsman.learning.data.encoding import load_prompt_encoder
from pointsman.learning.data.graded import grades_of
from pointsman.learning.data.training_data import TrainingData
from pointsman.learning.fitting.linear_fit import fit_logit, sigmoid
from pointsman.learning.fitting.text_fit import CATEGORY_L2, category_loss, fit_head
from pointsman.learning.fitting.training import SuccessPart, category_targets, fit_success_part, scaling_of, text_inputs
from pointsman.learning.measuring import baselines
from pointsman.learning.measuring.evaluation import classes, share
from pointsman.learning.measuring.routing_metrics import apgr
from pointsman.learning.measuring.routing_report import pairs_of, rank_of
from pointsman.learning.measuring.success_metrics import auroc_by_model, calibration_error
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from pointsman.rules.rules_file import load_default_rules
from pointsman.settings import load_one

Matrix = NDArray[np.float64]

NEIGHBOURS = 50
# Grades of neighbours beside which the model's mean counts as one of these: fewer neighbours tell less than it.
NEIGHBOUR_PRIOR = 5.0
LOGISTIC_L2 = 10.0
SEEDS = 4
CURVE_SHARES = (0.125, 0.25, 0.5, 1.0)


def main(folder: Path) -> int:
    """Print the tables and the learning curves; the exit status."""
    settings = load_one(ClassifierSettings)
    encoder = asyncio.run(load_prompt_encoder(settings.folder, settings.var_dir / "learning"))
    collected = collect(folder, encoder, load_default_rules())
    compare_success(collected)
    compare_categories(collected.training)
    learning_curves(collected)
    return 0


def compare_success(collected: Collected) -> None:
    """P(success) by each head."""
    for name, predict in success_heads(collected).items():
        print_success(name, collected, predict())
    print_success("ceiling: what other models did", collected, by_others(collected))


def print_success(name: str, collected: Collected, probability: Matrix) -> None:
    """AUROC by source, ECE of all, APGR by pair. probability: (n, m) of the tested prompts by the training's models."""
    models = grades_of(collected.training.graded).models
    scores = grades_of(collected.tested, models).scores.astype(np.float64)
    sources = np.array([prompt.source for prompt in collected.tested])
    figures = {f"AUROC {source}": mean_auroc(probability, scores, sources == source) for source in np.unique(sources)}
    figures["ECE"] = calibration_error(probability, np.nan_to_num(scores), ~np.isnan(scores)) or 0.0
    for pair in pairs_of(collected.tested):
        figures[f"APGR {pair.source}"] = apgr(rank_of(pair, probability, models), pair.weak, pair.strong) or 0.0
    print(f"{name:34}", "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)


def by_others(collected: Collected) -> Matrix:
    """The mean grade of all other models on the same prompt: what one number for its difficulty could tell, were it known."""
    scores = grades_of(collected.tested, grades_of(collected.training.graded).models).scores.astype(np.float64)
    is_graded = ~np.isnan(scores)
    totals, counts = np.nan_to_num(scores).sum(axis=1, keepdims=True), is_graded.sum(axis=1, keepdims=True)
    return np.asarray((totals - np.nan_to_num(scores)) / np.maximum(counts - is_graded, 1))


def learning_curves(collected: Collected) -> None:
    """The shipped heads, fitted on an eighth of the prompts, drawn at random, a quarter and so on."""
    data = collected.training
    graded_order, own = np.random.default_rng(0).permutation(len(data.graded)), [p.is_own and not p.is_example for p in data.prompts]
    own_order = np.random.default_rng(0).permutation(np.flatnonzero(own))
    labels, truth = np.array([index for index, prompt in enumerate(data.prompts) if not prompt.is_own]), classes(data.prompts)
    for part in CURVE_SHARES:
        rows = graded_order[: int(part * len(graded_order))]
        some = replace(data, graded=tuple(data.graded[row] for row in rows), graded_inputs=data.graded_inputs[rows])
        known = grades_of(some.graded).models
        columns = [known.index(model) if model in known else 0 for model in grades_of(data.graded).models]
        print_success(f"{len(rows)} graded prompts", collected, by_network(some, collected.tested_inputs)[:, columns])
        if len(labels):
            prompts = own_order[: int(part * len(own_order))]
            found = by_reader(data, prompts, labels, with_embedding=True, with_rules=True).argmax(axis=1)
            print(f"{len(prompts)} own prompts: category of the labels {share(found == truth[labels]):.3f}", flush=True)


def mean_auroc(probability: Matrix, scores: Matrix, chosen: NDArray[np.bool_]) -> float:
    """Mean over the models that count; NaN where none does."""
    found = auroc_by_model(probability[chosen], np.nan_to_num(scores[chosen]), ~np.isnan(scores[chosen]))
    return float(np.nanmean(found)) if not np.isnan(found).all() else float("nan")


def success_heads(collected: Collected) -> Mapping[str, Callable[[], Matrix]]:
    """P(success) (n, m) of the tested prompts by the training's models, by each head."""
    training, tested = collected.training, collected.tested_inputs
    scores = grades_of(training.graded).scores.astype(np.float64)
    size = training.dimensions
    known, asked = training.graded_inputs[:, :size], tested[:, :size]
    one_skill = replace(training, graded=tuple(replace(prompt, skill="") for prompt in training.graded))
    return {
        "mean of the model": lambda: np.tile(np.nanmean(scores, axis=0), (len(tested), 1)),
        f"{NEIGHBOURS} nearest neighbours": lambda: by_neighbours(known, scores, asked),
        "logistic regression per model": lambda: by_logistic(known, scores, asked),
        "MIRT on the embedding": lambda: baselines.mirt_success(known, np.nan_to_num(scores), ~np.isnan(scores), asked),
        "IRT, one skill for all graded": lambda: by_network(one_skill, tested),
        "IRT with skills, linear": lambda: by_network(training, tested, hidden_width=0),
        "IRT with skills (shipped)": lambda: by_network(training, tested),
        f"the same, mean of {SEEDS} seeds": lambda: np.mean([by_network(training, tested, seed=seed) for seed in range(SEEDS)], axis=0),
    }


def by_neighbours(known: NDArray[np.float32], scores: Matrix, asked: NDArray[np.float32]) -> Matrix:
    """Mean grade of the nearest training prompts by cosine that the model answered, shrunken to its mean."""
    is_graded, means = ~np.isnan(scores), np.nanmean(scores, axis=0)
    filled, found = np.nan_to_num(scores), np.empty((len(asked), scores.shape[1]))
    for row, embedding in enumerate(asked):
        nearest = np.argpartition(-(known @ embedding), NEIGHBOURS)[:NEIGHBOURS]
        count = is_graded[nearest].sum(axis=0)
        found[row] = (filled[nearest].sum(axis=0) + NEIGHBOUR_PRIOR * means) / (count + NEIGHBOUR_PRIOR)
    return found


def by_logistic(known: NDArray[np.float32], scores: Matrix, asked: NDArray[np.float32]) -> Matrix:
    """A regression for each model on the embeddings of the prompts that it answered."""
    columns = []
    for column in scores.T:
        rows = np.flatnonzero(~np.isnan(column))
        weights, bias = fit_logit(known[rows].astype(np.float64), column[rows], LOGISTIC_L2)
        columns.append(sigmoid(asked @ weights[:, 0] + bias[0]))
    return np.stack(columns, axis=1)


def by_network(data: TrainingData, tested: NDArray[np.float32], **options: int) -> Matrix:
    """The success network, fitted with these options."""
    scaling = scaling_of(data)
    part = fit_success_part(data, scaling, **options)
    size = data.dimensions
    return predicted(part, np.concatenate((tested[:, :size], scaling.apply(tested[:, size:])), axis=1))


def predicted(part: SuccessPart, inputs: NDArray[np.float32]) -> Matrix:
    """P(success) (n, m) by its own models."""
    weights, b, a = part.network.apply(inputs)
    return sigmoid(a[:, None] * (weights @ part.abilities.T.astype(np.float64) - b[:, None]))


def compare_categories(data: TrainingData) -> None:
    """Accuracy of the category by each head: on the labels, and on the own prompts, a file left out after the other."""
    labels = np.array([index for index, prompt in enumerate(data.prompts) if not prompt.is_own])
    own = np.array([index for index, prompt in enumerate(data.prompts) if prompt.is_own])
    truth, files = classes(data.prompts), np.array([prompt.origin for prompt in data.prompts])
    left_out = sorted({prompt.origin for prompt in data.prompts if prompt.is_own and not prompt.is_example})
    for name, fit in category_heads(data).items():
        on_labels = share(fit(own, labels) == truth[labels]) if len(labels) else float("nan")
        by_file = [share(fit(own[files[own] != file], test := np.flatnonzero(files == file)) == truth[test]) for file in left_out]
        print(f"{name:34} labels {on_labels:.3f}  files left out {np.mean(by_file):.3f}", flush=True)


Categorise = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]
"""From the indices of the prompts to learn from and of those to judge to the categories' numbers."""


def category_heads(data: TrainingData) -> Mapping[str, Categorise]:
    """Each head by name."""
    truth, embeddings = classes(data.prompts), data.inputs[:, : data.dimensions]
    return {
        "nearest prototype": lambda known, asked: baselines.nearest_prototype(embeddings[known], truth[known], embeddings[asked]),
        "logistic regression, embedding": lambda known, asked: baselines.logistic_classes(
            embeddings[known], truth[known], embeddings[asked]
        ),
        "rules": lambda _, asked: by_rules(data, asked),
        "features": lambda known, asked: by_reader(data, known, asked, with_embedding=False, with_rules=False).argmax(axis=1),
        "similarity": lambda known, asked: by_reader(data, known, asked, with_embedding=True, with_rules=False).argmax(axis=1),
        "hybrid (shipped)": lambda known, asked: by_reader(data, known, asked, with_embedding=True, with_rules=True).argmax(axis=1),
        "mean of similarity and hybrid": lambda known, asked: np.add(
            by_reader(data, known, asked, with_embedding=True, with_rules=False),
            by_reader(data, known, asked, with_embedding=True, with_rules=True),
        ).argmax(axis=1),
    }


def by_rules(data: TrainingData, asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rules' category; where none has matched, what they then say."""
    evidence, unmatched = data.evidence[asked], BUILT_IN_CATEGORIES.index(load_default_rules().match("").category)
    return np.where(evidence[:, -1] > 0.0, evidence[:, :-1].argmax(axis=1), unmatched)


def by_reader(
    data: TrainingData, known: NDArray[np.int64], asked: Sequence[int] | NDArray[np.int64], *, with_embedding: bool, with_rules: bool
) -> Matrix:
    """A reader's probabilities."""
    if with_rules:
        known = np.array([index for index in known if not data.prompts[index].is_example])
    inputs = text_inputs(data, scaling_of(data), with_embedding=with_embedding, with_rules=with_rules)
    targets = category_targets(data.prompts)
    head = fit_head(inputs.rows(known), category_loss(targets[known]), targets.shape[1], l2=CATEGORY_L2)
    return softmax(head.apply(inputs.rows(asked)))


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
