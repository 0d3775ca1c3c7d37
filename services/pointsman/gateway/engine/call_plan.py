"""Which candidates are called, how often, and what that can cost at most. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pointsman.gateway.core.eligibility import CALLER_KEY_PROVIDER_ID
from pointsman.gateway.core.routing import RankedCandidate
from pointsman.gateway.ports import PlannedAttempt

# What StreamCompletion takes.
MAX_CANDIDATES = 16


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Candidates in order, the most calls that may be made, and those of them that the operator may have to pay."""

    candidates: tuple[RankedCandidate, ...]
    max_attempts: int
    planned_attempts: tuple[PlannedAttempt, ...] = ()  # empty: nothing can cost the operator anything


def plan_calls(ranking: Sequence[RankedCandidate], *, max_attempts: int, choice_count: int, has_caller_key: bool) -> CallPlan:
    """As many candidates as there are attempts, then the free ones among the rest.

    More paid candidates than attempts would have to be reserved for, and could not all be called.
    Where there are fewer candidates than attempts, the dearest is planned again: it may be retried.
    """
    head = tuple(ranking[:max_attempts])
    free_rest = [candidate for candidate in ranking[max_attempts:] if not is_paid(candidate, has_caller_key=has_caller_key)]
    paid = [planned(candidate, choice_count) for candidate in head if is_paid(candidate, has_caller_key=has_caller_key)]
    if paid:
        dearest = max(paid, key=lambda attempt: attempt.worst_case_nanousd)
        paid += [dearest] * (max_attempts - len(head))
    return CallPlan((*head, *free_rest)[:MAX_CANDIDATES], max_attempts, tuple(paid))


def without_paid(plan: CallPlan) -> CallPlan:
    """What is left where nothing may be spent; it may have no candidates."""
    return admitted(plan, 0)


def admitted(plan: CallPlan, count: int) -> CallPlan:
    """What is left where only the first `count` of the planned attempts fit a budget."""
    if count >= len(plan.planned_attempts):
        return plan
    kept = plan.planned_attempts[:count]
    dropped_ids = {attempt.model_id for attempt in plan.planned_attempts} - {attempt.model_id for attempt in kept}
    candidates = tuple(candidate for candidate in plan.candidates if candidate.model.id not in dropped_ids)
    return replace(plan, candidates=candidates, max_attempts=min(plan.max_attempts, count or plan.max_attempts), planned_attempts=kept)


def is_paid(candidate: RankedCandidate, *, has_caller_key: bool) -> bool:
    """True where a call can cost the operator something. An unknown price is not free."""
    if has_caller_key and candidate.model.provider.id == CALLER_KEY_PROVIDER_ID:
        return False
    return candidate.model.price is None or not candidate.model.price.is_free


def planned(candidate: RankedCandidate, choice_count: int) -> PlannedAttempt:
    """The worst case of one call. Each of several choices may use the whole limit."""
    worst_nanousd = (candidate.worst_case_cost_nanousd or 0) * choice_count
    return PlannedAttempt(candidate.model.id, candidate.model.provider.id, worst_nanousd)
