"""How probably a model answers a prompt well: two-parameter item response theory.

p = sigmoid(a * (theta - b)) with difficulty b and discrimination a of the prompt, and the model's
ability theta in logits: the mean of its skills over the probabilities of the categories.
Birnbaum 1968, "Some latent trait models".
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pointsman.gateway.core.catalog import Catalog, Model, ModelStatus
from pointsman.gateway.core.label import Label

OVERALL = "overall"
# theta = logit(quality) - c, where no model of the catalogue has both figures to fit c on: quality scores
# are customarily shares of easy work done well, and a logit of -1 (complexity 0.27) is such work.
DEFAULT_QUALITY_OFFSET = 1.0
# Theta where no active model of the catalogue has any ability known: average work is done every other time.
DEFAULT_LOWEST_THETA = 0.0
# A quality of 0 or 1 would be an infinite ability; scores are published to two digits.
QUALITY_MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class Theta:
    """An ability in logits, and what it rests on: "ability", "quality_score" or "assumed"."""

    value: float
    source: str


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    grown = math.exp(x)
    return grown / (1.0 + grown)


def logit(p: float) -> float:
    """log(p / (1 - p)) for 0 < p < 1."""
    return math.log(p / (1.0 - p))


def success_probability(theta: float, label: Label) -> float:
    """Probability of a good answer to a prompt of this difficulty."""
    return sigmoid(label.discrimination * (theta - label.difficulty_logit))


class Abilities:
    """Abilities of one catalogue's models, with what stands in for an unknown one."""

    def __init__(self, catalog: Catalog) -> None:
        """Compute nothing yet: a catalogue whose models all have skills needs no stand-ins."""
        self._catalog = catalog

    def theta_of(self, model: Model, label: Label) -> Theta:
        """Ability for this prompt: by skills, else by quality score, else the lowest of the active models."""
        if model.skills:
            return Theta(weighted_skill(model.skills, label.category_weights), "ability")
        if model.quality_score is not None:
            return Theta(_quality_logit(model.quality_score) - self.quality_offset, "quality_score")
        return Theta(self.lowest_theta, "assumed")

    @cached_property
    def quality_offset(self) -> float:
        """c of theta = logit(quality) - c: the least-squares fit, which is the mean difference."""
        return _mean_or(
            (
                _quality_logit(model.quality_score) - overall_skill(model.skills)
                for model in self._catalog.models.values()
                if model.skills and model.quality_score is not None
            ),
            DEFAULT_QUALITY_OFFSET,
        )

    @cached_property
    def lowest_theta(self) -> float:
        """Lowest overall ability among the active models that have one."""
        active = [model for model in self._catalog.models.values() if model.status is ModelStatus.ACTIVE]
        known = [overall_skill(model.skills) for model in active if model.skills]
        known += [
            _quality_logit(model.quality_score) - self.quality_offset
            for model in active
            if not model.skills and model.quality_score is not None
        ]
        return min(known, default=DEFAULT_LOWEST_THETA)


def weighted_skill(skills: Mapping[str, float], category_weights: tuple[tuple[str, float], ...]) -> float:
    """Sum of P(category) * skill; a category without a skill counts as overall.

    The probabilities that are missing from 1 count as overall too, so that no category is judged by 0.
    """
    overall = overall_skill(skills)
    theta = overall
    for category, probability in category_weights:
        if (skill := skills.get(category)) is not None:
            theta += probability * (skill - overall)
    return theta


def overall_skill(skills: Mapping[str, float]) -> float:
    """The skill "overall", else the mean of those known."""
    overall = skills.get(OVERALL)
    return overall if overall is not None else sum(skills.values()) / len(skills)


def _quality_logit(quality: float) -> float:
    return logit(min(max(quality, QUALITY_MARGIN), 1.0 - QUALITY_MARGIN))


def _mean_or(values: Iterable[float], default: float) -> float:
    known = list(values)
    return sum(known) / len(known) if known else default
