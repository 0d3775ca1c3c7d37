"""What became of earlier answers, as ranking uses it: how far a model's ability is off, and how long answers are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pointsman.gateway.core.logistic import logit

# An ability rests on hundreds of tasks, but on other work than the caller's: it counts as much as this many of his answers.
PRIOR_GRADED_COUNT = 30
# People grade seldom, and mostly what annoyed them: however much they grade, an ability is moved by no more.
MAX_SHIFT = 1.0
# A success foretold as certain would have no logit.
PROBABILITY_MARGIN = 1e-6
# Lengths spread by a factor of 2 or so, so the median of this many is within a third of the true one two times in three.
MIN_ANSWERS_FOR_LENGTH = 10


@dataclass(frozen=True, slots=True)
class OutcomeStat:
    """How a model did in a category. predicted_sum: of the graded answers' success as ability alone foretold it."""

    model_id: str
    category: str
    graded_count: int
    grade_sum: float
    predicted_sum: float
    answer_count: int
    median_output_token_count: int | None = None  # None: no answer was measured


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the statistics of one version come to. version 0: none have come."""

    version: int = 0
    shifts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # of ability, logits, by model and category
    output_token_counts: Mapping[str, int] = field(default_factory=dict)  # the usual answer's, by category

    def shift_of(self, model_id: str, category_weights: tuple[tuple[str, float], ...]) -> float | None:
        """The mean shift over the prompt's categories, 0 where one has no graded answers; None where none has."""
        by_category = self.shifts.get(model_id)
        if by_category is None:
            return None
        known = [probability * by_category[category] for category, probability in category_weights if category in by_category]
        return sum(known) if known else None


NO_OUTCOMES = Outcomes()


def outcomes_of(version: int, stats: Iterable[OutcomeStat]) -> Outcomes:
    """What the statistics come to."""
    shifts: dict[str, dict[str, float]] = {}
    lengths: dict[str, list[tuple[int, int]]] = {}
    for stat in stats:
        if stat.graded_count > 0:
            shifts.setdefault(stat.model_id, {})[stat.category] = shift_by(stat.graded_count, stat.grade_sum, stat.predicted_sum)
        if stat.median_output_token_count is not None and stat.answer_count > 0:
            lengths.setdefault(stat.category, []).append((stat.median_output_token_count, stat.answer_count))
    usual = {category: _weighted_median(medians) for category, medians in lengths.items() if _count(medians) >= MIN_ANSWERS_FOR_LENGTH}
    return Outcomes(version, shifts, usual)


def shift_by(graded_count: int, grade_sum: float, predicted_sum: float) -> float:
    """How far graded answers move an ability: logit((G + 30 p) / (n + 30)) - logit(p), within -1 and 1.

    p is what the ability had foretold of these very answers, on average. So it does not matter whether hard or easy ones were
    graded, only whether they came out better than foretold; an average difficulty would take a model that is given the hard
    prompts for a bad one. Foretold is meant without earlier shifts: with them, each would undo itself as it came true.
    The result is of the whole logit a * (theta - b), and moves theta as if a were 1, about which it lies.
    """
    predicted = min(max(predicted_sum / graded_count, PROBABILITY_MARGIN), 1.0 - PROBABILITY_MARGIN)
    grade = min(max(grade_sum / graded_count, 0.0), 1.0)
    observed = (graded_count * grade + PRIOR_GRADED_COUNT * predicted) / (graded_count + PRIOR_GRADED_COUNT)
    return min(max(logit(observed) - logit(predicted), -MAX_SHIFT), MAX_SHIFT)


def _weighted_median(medians: list[tuple[int, int]]) -> int:
    """The median of models' medians, each as often as it has answers: one length for all models, so that worth is the same."""
    half = _count(medians) / 2
    so_far = 0
    for length, count in sorted(medians):
        so_far += count
        if so_far >= half:
            return length
    raise ValueError("median: of nothing")


def _count(medians: list[tuple[int, int]]) -> int:
    return sum(count for _, count in medians)
