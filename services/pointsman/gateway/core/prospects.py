"""The models of a catalogue as one request meets them: those that may answer, and why the others may not."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pointsman.gateway.core.catalog import Catalog, Model
from pointsman.gateway.core.eligibility import (
    Admission,
    exclude_by_call,
    exclude_by_nature,
    exclude_by_success,
    exclude_by_work,
    may_know,
)
from pointsman.gateway.core.estimates import UNSEEN, Estimate, Work, estimate
from pointsman.gateway.core.label import Label
from pointsman.gateway.core.money import NANOUSD_PER_USD
from pointsman.gateway.core.outcomes import NO_OUTCOMES, Outcomes
from pointsman.gateway.core.routing import Conditions, Exclusion, Purpose, UtilityTerms
from pointsman.gateway.core.success import Abilities, Theta, success_probability
from pointsman.gateway.core.utility import Stakes, score_usd, terms_of


@dataclass(frozen=True, slots=True)
class Prospect:
    """A model that may answer, with what it would take and how well it would do."""

    model: Model
    estimate: Estimate
    theta: Theta
    success_probability: float
    predicted_success: float  # the same by ability alone, without what outcomes have taught
    cost_usd: float  # an unknown price counts as 0 here, and is told as unknown
    is_circuit_open: bool
    obstacle: str | None = None  # why it cannot be called now, where it is ranked all the same

    def terms(self, stakes: Stakes) -> UtilityTerms:
        """The sum behind its score."""
        return terms_of(
            stakes,
            success_probability=self.success_probability,
            availability=self.estimate.availability,
            cost_usd=self.cost_usd,
            latency_s=self.estimate.latency_s,
        )


@dataclass(frozen=True, slots=True)
class Survey:
    """All models that the caller may know of, each in exactly one of `prospects` and `exclusions`."""

    prospects: tuple[Prospect, ...]
    exclusions: tuple[Exclusion, ...]
    improbable: tuple[Prospect, ...]  # of the excluded: those that a better chance of success would bring back
    is_callable: bool  # False: none of the prospects can be called


def survey(
    catalog: Catalog, admission: Admission, label: Label, work: Work, conditions: Conditions, outcomes: Outcomes = NO_OUTCOMES
) -> Survey:
    """Put every model to Level 0.

    Where no fitting model can be called, a recommendation is made among those that would fit.
    """
    prospects: list[Prospect] = []
    exclusions: list[Exclusion] = []
    improbable: list[tuple[Prospect, bool]] = []
    uncallable: list[tuple[Prospect, Exclusion]] = []
    abilities = Abilities(catalog, outcomes)
    for model in catalog.models.values():
        if not may_know(admission.request, model.id):
            continue
        prospect = _meet(model, admission, label, work, conditions, abilities)
        if isinstance(prospect, Exclusion):
            exclusions.append(prospect)
            continue
        uncalled = exclude_by_call(model, conditions, admission.request)
        if (unlikely := exclude_by_success(model, prospect.success_probability, admission)) is not None:
            exclusions.append(unlikely)
            improbable.append((prospect, uncalled is None))
        elif uncalled is not None:
            uncallable.append((prospect, uncalled))
        else:
            prospects.append(prospect)
    is_callable = bool(prospects)
    if not is_callable and admission.request.purpose is Purpose.RECOMMEND:
        prospects = [replace(prospect, obstacle=excluded.message) for prospect, excluded in uncallable]
        uncallable = []
    exclusions += [excluded for _, excluded in uncallable]
    near = [prospect for prospect, can_be_called in improbable if can_be_called or not is_callable]
    return Survey(tuple(prospects), tuple(exclusions), tuple(near), is_callable)


# Ascending: score and success negated, cost, id.
UtilityKey = tuple[float, float, float, str]


def by_utility(prospects: Iterable[Prospect], stakes: Stakes) -> tuple[Prospect, ...]:
    """Best first; ties by success, cost (unknown last) and id, so that the order is total."""
    keyed = sorted((utility_key(prospect, stakes, prospect.success_probability), prospect) for prospect in prospects)
    return tuple(prospect for _, prospect in keyed)


def utility_key(prospect: Prospect, stakes: Stakes, chance: float) -> UtilityKey:
    """What prospects are ordered by, ascending, at that probability of success."""
    needs = prospect.estimate
    score = score_usd(stakes, chance, needs.availability, prospect.cost_usd, needs.latency_s)
    tie_cost_usd = math.inf if needs.expected_cost_nanousd is None else prospect.cost_usd
    return (-score, -chance, tie_cost_usd, prospect.model.id)


def _meet(
    model: Model, admission: Admission, label: Label, work: Work, conditions: Conditions, abilities: Abilities
) -> Prospect | Exclusion:
    """The model as a prospect, unless its nature or the work excludes it."""
    if (excluded := exclude_by_nature(model, admission)) is not None:
        return excluded
    condition = conditions.models.get(model.id, UNSEEN)
    needs = estimate(model, admission.request, work, condition)
    if (excluded := exclude_by_work(model, needs, admission)) is not None:
        return excluded
    theta = abilities.theta_of(model, label)
    cost_usd = (needs.expected_cost_nanousd or 0) / NANOUSD_PER_USD
    chance = success_probability(theta.value, label)
    predicted = chance if theta.shift is None else success_probability(theta.unshifted, label)
    return Prospect(model, needs, theta, chance, predicted, cost_usd, condition.circuit_open)
