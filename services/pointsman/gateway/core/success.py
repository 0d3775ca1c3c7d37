"""How probably a model answers a prompt well: two-parameter item response theory.

p = sigmoid(a * (theta - b)) with difficulty b and discrimination a of the prompt, and the model's
ability theta in logits: the mean of its skills over the probabilities of the categories.
Birnbaum 1968, "Some latent trait models".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pointsman.gateway.core.catalog import Catalog, Model, ModelStatus
from pointsman.gateway.core.label import Label
from pointsman.gateway.core.logistic import logit, sigmoid
from pointsman.gateway.core.outcomes import NO_OUTCOMES, Outcomes

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
    """An ability in logits, and what it rests on: "ability", "quality_score" or "assumed".

    shift: how much of the value graded answers have added; None: there are none.
    """

    value: float
    source: str
    shift: float | None = None

    @property
    def full_source(self) -> str:
        """All that it rests on."""
        return self.source if self.shift is None else f"{self.source}+outcomes"

    @property
    def unshifted(self) -> float:
        """The ability alone."""
        return self.value - (self.shift or 0.0)


def success_probability(theta: float, label: Label) -> float:
    """Probability of a good answer to a prompt of this difficulty."""
    return sigmoid(label.discrimination * (theta - label.difficulty_logit))


class Abilities:
    """Abilities of one catalogue's models, with what stands in for an unknown one."""

    def __init__(self, catalog: Catalog, outcomes: Outcomes = NO_OUTCOMES) -> None:
        """Compute nothing yet: a catalogue whose models all have skills needs no stand-ins."""
        self._catalog = catalog
        self._outcomes = outcomes

    def theta_of(self, model: Model, label: Label) -> Theta:
        """Ability for this prompt: by skills, else by quality score, else the lowest of the active models; moved by outcomes."""
        theta = self._unshifted(model, label)
        shift = self._outcomes.shift_of(model.id, label.category_weights)
        return theta if shift is None else Theta(theta.value + shift, theta.source, shift)

    def _unshifted(self, model: Model, label: Label) -> Theta:
        if model.skills:
            return Theta(weighted_skill(model.skills, label), "ability")
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


def weighted_skill(skills: Mapping[str, float], label: Label) -> float:
    """Ability for a prompt: Σ weight · skill over the subjects that it asks for, as far as the model has them; for the rest
    Σ P(category) · skill.

    A category without a skill counts as overall. So do the probabilities that are missing from 1, so that no category is
    judged by 0.
    """
    overall = overall_skill(skills)
    by_category = overall
    for category, probability in label.category_weights:
        if (skill := skills.get(category)) is not None:
            by_category += probability * (skill - overall)
    theta = by_category
    for subject, weight in label.skill_weights:
        if (skill := skills.get(subject)) is not None:
            theta += weight * (skill - by_category)
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
