"""How good the probabilities are that a model answers well: told apart, close to what happened, and meaning what they say.

Everywhere: predicted (n, m) probabilities for n prompts and m models, score (n, m) 0 to 1 of the answers, mask (n, m) true where there is
an answer; the rest of both may hold anything. An answer with a score of RIGHT_FROM or more is right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsman.learning.measuring.rank_order import rank_order, weighted_auroc
from pointsman.learning.measuring.resampling import SAMPLES, SEED, Figure, Vector, figure_of, resampled

RIGHT_FROM = 0.5
# A model's AUROC on fewer right or wrong answers than these says nothing.
MIN_ANSWERS_OF_A_KIND = 8
RELIABILITY_BINS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Predictions and grades of one source, what has no answer set to 0."""

    predicted: Vector  # (n, m)
    score: Vector  # (n, m)
    mask: NDArray[np.bool_]  # (n, m)


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """The reliability curve: equally wide bins of the predicted probability, the first from 0. NaN in empty ones."""

    predicted: Vector  # (RELIABILITY_BINS,) mean probability
    share_right: Vector  # (RELIABILITY_BINS,) mean score; where scores are 0 and 1 the share of right answers
    count: NDArray[np.int64]  # (RELIABILITY_BINS,) answers


def _answers(predicted: ArrayLike, score: ArrayLike, mask: ArrayLike) -> Answers:
    given = np.asarray(mask, np.bool_)
    chances, grades = (np.where(given, np.asarray(values, np.float64), 0.0) for values in (predicted, score))
    found = Answers(chances, grades, given)
    if given.ndim != 2 or np.isnan(found.predicted).any() or np.isnan(found.score).any():
        raise ValueError("predicted, score: (n, m) numbers are needed where mask holds")
    return found


def auroc_by_model(predicted: ArrayLike, score: ArrayLike, mask: ArrayLike) -> Vector:
    """For each model, how probably a right answer was given the higher probability: (m,), ties half.

    NaN for models with fewer than MIN_ANSWERS_OF_A_KIND right or wrong answers. Mann and Whitney 1947.
    """
    answers = _answers(predicted, score, mask)
    return np.asarray(_auroc(answers, np.ones((1, len(answers.mask))), _countable(answers))[0])


def brier(predicted: ArrayLike, score: ArrayLike, mask: ArrayLike) -> float | None:
    """Mean squared distance of probability and score over all answers; None for no answer. Brier 1950.

    What always saying a model's mean would get: predicted = np.broadcast_to(means, score.shape).
    """
    answers = _answers(predicted, score, mask)
    return _or_none(_mean_by_row(_squares(answers), answers.mask.sum(axis=1)[None, :])[0])


def reliability(predicted: ArrayLike, score: ArrayLike, mask: ArrayLike) -> Reliability:
    """What happened where the probability was such: bin i of 15 holds i/15 <= p < (i+1)/15, the last also p = 1."""
    count, total_predicted, total_score = _bin_sums(_answers(predicted, score, mask)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return Reliability(total_predicted / count, total_score / count, count.astype(np.int64))


def calibration_error(predicted: ArrayLike, score: ArrayLike, mask: ArrayLike) -> float | None:
    """Expected calibration error over all answers of all models together; None for no answer.

    The mean over answers of |mean score - mean probability| of the answer's bin, bins as in `reliability`: Guo et al. 2017,
    equation 3. It is never below 0, so chance alone lifts it, by up to 0.4 · sqrt(bins / answers).
    """
    answers = _answers(predicted, score, mask)
    return _or_none(_calibration_error(_bin_sums(answers), np.ones((1, len(answers.mask))))[0])


def success_figures(
    predicted: ArrayLike, score: ArrayLike, mask: ArrayLike, *, samples: int = SAMPLES, seed: int = SEED
) -> dict[str, Figure]:
    """auroc (mean over the models that count), brier and ece with 95 % bootstrap intervals over prompts.

    A prompt is drawn with all its answers, for they depend on each other. The samples of ece lie above the figure, because a sample's
    own chance is added to that of the data: read its interval as the upper bound that it gives.
    """
    answers = _answers(predicted, score, mask)
    models, squares, bins = _countable(answers), _squares(answers), _bin_sums(answers)
    counts = answers.mask.sum(axis=1)[None, :]

    def figures(weights: Vector) -> Vector:
        error = _mean_by_row(squares * weights, counts * weights)
        return np.column_stack((_mean_auroc(_auroc(answers, weights, models)), error, _calibration_error(bins, weights)))

    drawn = [figures(weights) for weights in resampled(len(answers.mask), samples=samples, seed=seed)]
    values = figures(np.ones((1, len(answers.mask))))[0]
    parts = np.concatenate(drawn) if drawn else np.full((1, 3), np.nan)
    return {name: figure_of(values[column], parts[:, column]) for column, name in enumerate(("auroc", "brier", "ece"))}


def success_summary(predicted: ArrayLike, score: ArrayLike, mask: ArrayLike, *, samples: int = SAMPLES, seed: int = SEED) -> dict[str, Any]:
    """All of it for a report: n prompts, models, counted_models (of the auroc), answers, then each figure and its "_interval"."""
    answers = _answers(predicted, score, mask)
    found: dict[str, Any] = {
        "n": int(answers.mask.any(axis=1).sum()),
        "models": int(answers.mask.any(axis=0).sum()),
        "counted_models": int(_countable(answers).sum()),
        "answers": int(answers.mask.sum()),
    }
    for name, figure in success_figures(predicted, score, mask, samples=samples, seed=seed).items():
        found[name], found[f"{name}_interval"] = figure.rounded()
    return found


def _countable(answers: Answers) -> NDArray[np.bool_]:
    right = answers.mask & (answers.score >= RIGHT_FROM)
    wrong = answers.mask & (answers.score < RIGHT_FROM)
    return np.asarray(np.minimum(right.sum(axis=0), wrong.sum(axis=0)) >= MIN_ANSWERS_OF_A_KIND)


def _auroc(answers: Answers, weights: Vector, models: NDArray[np.bool_]) -> Vector:
    """(s, m) for rows of weights (s, n), NaN for models that are not asked for."""
    found = np.full((len(weights), len(models)), np.nan)
    for model in np.flatnonzero(models):
        rows = answers.mask[:, model]
        right = (answers.score[rows, model] >= RIGHT_FROM).astype(np.float64)
        found[:, model] = weighted_auroc(rank_order(answers.predicted[rows, model]), right, weights[:, rows])
    return found


def _mean_auroc(by_model: Vector) -> Vector:
    """Mean over the models that have one: (s, m) to (s,)."""
    known = ~np.isnan(by_model)
    return _mean_by_row(np.where(known, by_model, 0.0), known)


def _squares(answers: Answers) -> Vector:
    """(1, n) sum over each prompt's answers."""
    return np.asarray(((answers.predicted - answers.score) ** 2).sum(axis=1)[None, :])


def _bin_sums(answers: Answers) -> Vector:
    """(3, n, bins): each prompt's answers, the sum of their probabilities and of their scores, by bin."""
    size = len(answers.mask)
    place = np.clip((answers.predicted * RELIABILITY_BINS).astype(np.int64), 0, RELIABILITY_BINS - 1)
    place += RELIABILITY_BINS * np.arange(size)[:, None]
    columns = (answers.mask.astype(np.float64), answers.predicted, answers.score)
    return np.stack([np.bincount(place.ravel(), c.ravel(), size * RELIABILITY_BINS).reshape(size, RELIABILITY_BINS) for c in columns])


def _calibration_error(bins: Vector, weights: Vector) -> Vector:
    count, predicted, score = (weights @ part for part in bins)
    return _mean_by_row(np.abs(predicted - score), count)


def _mean_by_row(totals: Vector, counts: ArrayLike) -> Vector:
    """Sum of each row by the sum of its counts, NaN where that is 0."""
    number = np.asarray(counts, np.float64).sum(axis=1)
    return np.asarray(np.where(number > 0.0, totals.sum(axis=1) / np.where(number > 0.0, number, 1.0), np.nan))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
