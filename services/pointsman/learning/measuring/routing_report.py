"""What a router by P(success) does on graded prompts: pairs of models, success of each, mixed traffic, beside baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.data.graded import GradedPrompt, grades_of
from pointsman.learning.measuring import baselines
from pointsman.learning.measuring.mixed_traffic import WEAK_COST_RATIO, PairScores, cheapest_threshold
from pointsman.learning.measuring.routing_metrics import pair_summary, paired_difference
from pointsman.learning.measuring.success_metrics import success_summary

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

PAIR_SIZE = 2
# Fewer prompts than these tell nothing of a router.
MIN_PAIR_PROMPTS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two models on one source. rows: (n,) of the tested prompts that both answered; weak and strong: (n,) their scores."""

    source: str
    strong_model: str
    weak_model: str
    rows: NDArray[np.int64]
    weak: Vector
    strong: Vector


def pairs_of(prompts: Sequence[GradedPrompt], wanted: tuple[str, str] | None = None) -> list[Pair]:
    """A pair for each source with exactly two models, the better on average the strong one; or `wanted` (strong, weak) on each.

    Prompts that a model is known to have seen are left out, and sources with fewer than MIN_PAIR_PROMPTS others.
    """
    found = []
    for source in sorted({prompt.source for prompt in prompts}):
        rows = np.array([row for row, prompt in enumerate(prompts) if prompt.source == source and not prompt.is_contaminated], np.int64)
        grades = grades_of([prompts[row] for row in rows])
        names = wanted if wanted is not None else grades.models
        if len(names) != PAIR_SIZE or not set(names) <= set(grades.models):
            continue
        columns = grades.scores[:, [grades.models.index(name) for name in names]].astype(np.float64)
        is_answered = ~np.isnan(columns).any(axis=1)
        if is_answered.sum() < MIN_PAIR_PROMPTS:
            continue
        scores = columns[is_answered]
        first = 0 if wanted is not None or scores[:, 0].mean() >= scores[:, 1].mean() else 1
        found.append(Pair(source, names[first], names[1 - first], rows[is_answered], scores[:, 1 - first], scores[:, first]))
    return found


def routing_report(prompts: Sequence[GradedPrompt], probability: Matrix, models: Sequence[str], pairs: Sequence[Pair]) -> dict[str, Any]:
    """`pairs`, `success` and `mixed` of one strategy. probability: (n, m) of the tested prompts, by `models`."""
    return {
        "pairs": {
            pair.source: {"strong": pair.strong_model, "weak": pair.weak_model}
            | pair_summary(rank_of(pair, probability, models), pair.weak, pair.strong)
            for pair in pairs
        },
        "success": success_by_source(prompts, probability, models),
        "mixed": mixed_of([PairScores(rank_of(pair, probability, models), pair.weak, pair.strong) for pair in pairs]),
    }


def rank_of(pair: Pair, probability: Matrix, models: Sequence[str]) -> Vector:
    """(n,) what the strong model is expected to add."""
    numbers = [list(models).index(name) for name in (pair.strong_model, pair.weak_model)]
    return np.asarray(probability[pair.rows, numbers[0]] - probability[pair.rows, numbers[1]])


def mixed_of(scores: Sequence[PairScores]) -> dict[str, Any] | None:
    """The mixture of all pairs; None where there is none."""
    found = cheapest_threshold(scores) if scores else None
    return None if found is None else found.summary() | {"weak_cost_ratio": WEAK_COST_RATIO}


def success_by_source(prompts: Sequence[GradedPrompt], probability: Matrix, models: Sequence[str]) -> dict[str, Any]:
    """P(success) against the grades, by source, and all of them together."""
    scores = grades_of(prompts, models).scores.astype(np.float64)
    sources = np.array([prompt.source for prompt in prompts])
    parts = {"all": np.arange(len(prompts))} | {str(source): np.flatnonzero(sources == source) for source in np.unique(sources)}
    return {name: success_summary(probability[rows], np.nan_to_num(scores[rows]), ~np.isnan(scores[rows])) for name, rows in parts.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """What baselines are fitted and tested on. inputs: float32 (n, d + f), as PromptEncoder.head_inputs gives them."""

    training: Sequence[GradedPrompt]
    training_inputs: NDArray[np.float32]
    tested: Sequence[GradedPrompt]
    tested_inputs: NDArray[np.float32]


def baseline_ranks(bench: Bench, pairs: Sequence[Pair]) -> dict[str, dict[str, Vector]]:
    """By source, (n,) of each router to compare with. The learned ones need training prompts that both models answered, of any source."""
    found = {pair.source: unlearned_ranks(bench, pair) for pair in pairs}
    if not bench.training or not pairs:
        return found
    grades = grades_of(bench.training)
    scores = grades.scores.astype(np.float64)
    embeddings = baselines.embeddings_of(bench.training_inputs)
    success = baselines.mirt_success(embeddings, np.nan_to_num(scores), ~np.isnan(scores), baselines.embeddings_of(bench.tested_inputs))
    for pair in pairs:
        if {pair.strong_model, pair.weak_model} <= set(grades.models):
            columns = [grades.models.index(name) for name in (pair.strong_model, pair.weak_model)]
            rows = np.flatnonzero(~np.isnan(scores[:, columns]).any(axis=1))
            if len(rows) >= MIN_PAIR_PROMPTS:
                found[pair.source] |= learned_ranks(bench, pair, rows, scores[rows][:, columns])
                found[pair.source]["mirt"] = success[pair.rows, columns[0]] - success[pair.rows, columns[1]]
    return found


def unlearned_ranks(bench: Bench, pair: Pair) -> dict[str, Vector]:
    """The best that there is, and the simplest."""
    length = baselines.prompt_length([bench.tested[row].text for row in pair.rows])
    return {"oracle": baselines.oracle(pair.weak, pair.strong), "prompt_length": length}


def learned_ranks(bench: Bench, pair: Pair, rows: NDArray[np.int64], scores: Matrix) -> dict[str, Vector]:
    """Fitted on the pair's own answers. rows: (t,) of the training prompts; scores: (t, 2) strong, weak."""
    strong, weak = scores[:, 0], scores[:, 1]
    inputs, tested = bench.training_inputs[rows], bench.tested_inputs[pair.rows]
    meaning, tested_meaning = baselines.embeddings_of(inputs), baselines.embeddings_of(tested)
    form, tested_form = baselines.features_of(inputs), baselines.features_of(tested)
    return {
        "logistic_difference": baselines.logistic_difference(meaning, weak, strong, tested_meaning),
        "logistic_needed": baselines.logistic_needed(meaning, weak, strong, tested_meaning),
        "boosted_stumps": baselines.boosted_stumps_difference(form, weak, strong, tested_form),
    }


def baseline_report(pair: Pair, own: Vector, ranks: Mapping[str, Vector]) -> dict[str, Any]:
    """Figures of each baseline on a pair, and by how much the own rank is better, with intervals of the difference."""
    found: dict[str, Any] = {"random": {"auroc": 0.5, "apgr": 0.5, "cpt50": 0.5, "cpt80": 0.8}}
    for name, rank in ranks.items():
        summary = pair_summary(rank, pair.weak, pair.strong)
        difference = paired_difference(own, rank, pair.weak, pair.strong)
        found[name] = summary | {"own_better_by": {figure: part.rounded() for figure, part in difference.items()}}
    return found
