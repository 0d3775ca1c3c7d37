"""What would have to change for another model to win. Each claim is ranked again before it is made.

Thresholds are rounded to the side on which the claim still holds.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pointsman.gateway.core.catalog import Catalog, Policy
from pointsman.gateway.core.eligibility import Admission, exclude_by_success
from pointsman.gateway.core.estimates import Work
from pointsman.gateway.core.judgement import Difficulty
from pointsman.gateway.core.label import Label
from pointsman.gateway.core.logistic import logit
from pointsman.gateway.core.money import NANOUSD_PER_USD, format_usd
from pointsman.gateway.core.precedence import Placement, place
from pointsman.gateway.core.prospects import Prospect, Survey, UtilityKey, utility_key
from pointsman.gateway.core.routing import Cause, Flip, FlipKind
from pointsman.gateway.core.success import success_probability
from pointsman.gateway.core.utility import Stakes, score_usd, stakes_of

# The complexity that stands for each class of difficulty: the middle of easy, medium and hard, roughly.
TYPICAL_COMPLEXITY = {Difficulty.EASY: 0.2, Difficulty.MEDIUM: 0.5, Difficulty.HARD: 0.8}
# Other policies that are tried; each costs a ranking.
MAX_POLICIES = 8
# Success is told to three decimals, money to three significant digits.
SUCCESS_STEPS = 1_000
SIGNIFICANT_DIGITS = 3
# Stand for shares of a worth that no probability reaches; a worth of next to nothing makes them infinite.
BELOW_ANY_SUCCESS, ABOVE_ANY_SUCCESS = -1.0, 2.0


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a placement was made from."""

    admission: Admission
    label: Label
    work: Work
    stakes: Stakes
    catalog: Catalog
    survey: Survey
    ranked: tuple[Prospect, ...]


def find_flips(situation: Situation, placement: Placement) -> tuple[Flip, ...]:
    """The changes that would make another model win.

    None are claimed where the request itself names the model.
    """
    winner = placement.prospects[0]
    if placement.cause in (Cause.RANKED, Cause.DEGRADED):
        alike = [prospect for prospect in situation.ranked if prospect.is_circuit_open == winner.is_circuit_open]
        flips = [*_by_success(situation.stakes, *alike[:2]), *_by_price(situation.stakes, *alike[:2])] if len(alike) > 1 else []
        return (*flips, *_by_difficulty(situation, winner), *_by_policy(situation, winner))
    if placement.cause in (Cause.RULE_PREFERRED, Cause.PINNED_SESSION, Cause.EXPERIMENT):
        return tuple(_by_precedence(situation, winner))
    return ()


def _by_success(stakes: Stakes, winner: Prospect, rival: Prospect) -> Iterator[Flip]:
    """The rival's success from which it wins, or else the winner's success at which it loses."""
    if stakes.value_usd <= 0:
        return
    lead_usd = _score(stakes, winner) - _score(stakes, rival, success=0.0)
    at = _success_above(_share(lead_usd, stakes, rival))
    if at <= min(stakes.good_enough, 1.0) and _score(stakes, rival, success=at) > _score(stakes, winner):
        text = f"{rival.model.id} would win if it succeeded with probability {at:.3f} or more (now {rival.success_probability:.3f})"
        yield Flip(FlipKind.SUCCESS, rival.model.id, text, changed_id=rival.model.id, at=at)
        return
    at = _success_below(_share(_score(stakes, rival) - _score(stakes, winner, success=0.0), stakes, winner))
    if at > 0.0 and _score(stakes, winner, success=at) < _score(stakes, rival):
        now = f"(now {winner.success_probability:.3f})"
        text = f"{rival.model.id} would win if {winner.model.id} succeeded with probability {at:.3f} or less {now}"
        yield Flip(FlipKind.SUCCESS, rival.model.id, text, changed_id=winner.model.id, at=at)


def _by_price(stakes: Stakes, winner: Prospect, rival: Prospect) -> Iterator[Flip]:
    """The rival's cost at which it wins, or else the winner's cost at which it loses."""
    rival_nanousd, winner_nanousd = rival.estimate.expected_cost_nanousd, winner.estimate.expected_cost_nanousd
    if rival_nanousd is None or winner_nanousd is None:
        return
    room_nanousd = _nanousd(_score(stakes, rival, cost_usd=0.0) - _score(stakes, winner)) - 1
    if rival_nanousd > 0 and room_nanousd >= 0:
        at_nanousd = _rounded_down(room_nanousd)
        if _score(stakes, rival, cost_usd=at_nanousd / NANOUSD_PER_USD) > _score(stakes, winner):
            now = f"(now {format_usd(rival_nanousd)})"
            text = f"{rival.model.id} would win if this request cost {format_usd(at_nanousd)} or less with it {now}"
            yield Flip(FlipKind.PRICE, rival.model.id, text, changed_id=rival.model.id, at=at_nanousd / NANOUSD_PER_USD)
            return
    at_nanousd = -_rounded_down(_nanousd(_score(stakes, rival) - _score(stakes, winner, cost_usd=0.0)) - 1)
    if _score(stakes, winner, cost_usd=at_nanousd / NANOUSD_PER_USD) < _score(stakes, rival):
        text = f"{rival.model.id} would win if this request cost {format_usd(at_nanousd)} or more with {winner.model.id}"
        text += f" (now {format_usd(winner_nanousd)})"
        yield Flip(FlipKind.PRICE, rival.model.id, text, changed_id=winner.model.id, at=at_nanousd / NANOUSD_PER_USD)


def _by_difficulty(situation: Situation, winner: Prospect) -> Iterator[Flip]:
    """The other classes of difficulty, each at its typical complexity."""
    survey, now = situation.survey, situation.label
    if now.difficulty is None or (survey.improbable and not survey.is_callable):
        return
    for difficulty, complexity in TYPICAL_COMPLEXITY.items():
        if difficulty is now.difficulty:
            continue
        label = now.judged(difficulty, logit(complexity))
        first = _first_if_judged(situation, label)
        if first is not None and first.model.id != winner.model.id:
            chance = success_probability(winner.theta.value, label)
            text = f"{first.model.id} would win if the prompt were judged {difficulty}"
            text += f" (complexity {complexity:.2f}, at which {winner.model.id} succeeds with probability {chance:.2f})"
            yield Flip(FlipKind.DIFFICULTY, first.model.id, text, at=complexity)


def _first_if_judged(situation: Situation, label: Label) -> Prospect | None:
    """Who would win under that label; None where no model would be left."""
    keyed = []
    for prospect in (*situation.survey.prospects, *situation.survey.improbable):
        chance = success_probability(prospect.theta.value, label)
        if exclude_by_success(prospect.model, chance, situation.admission) is None:
            keyed.append((utility_key(prospect, situation.stakes, chance), prospect))
    return _first(situation, keyed, label, situation.admission.request.policy) if keyed else None


def _by_policy(situation: Situation, winner: Prospect) -> Iterator[Flip]:
    """The catalogue's other policies, of those that only weigh and exclude nothing."""
    request = situation.admission.request
    if _excludes(request.policy):
        return
    policies = situation.catalog.policies.values()
    others = [policy for policy in policies if policy.id != request.policy.id and _only_weighs(policy, situation.label)]
    for policy in others[:MAX_POLICIES]:
        work = situation.work
        stakes = stakes_of(policy, input_token_count=work.input_token_count, output_token_count=work.output_token_count)
        keyed = [(utility_key(prospect, stakes, prospect.success_probability), prospect) for prospect in situation.survey.prospects]
        first = _first(situation, keyed, situation.label, policy)
        if first.model.id != winner.model.id:
            yield Flip(FlipKind.POLICY, first.model.id, f"{first.model.id} would win under policy {policy.id}", policy_id=policy.id)


def _by_precedence(situation: Situation, winner: Prospect) -> Iterator[Flip]:
    """What utility alone would have chosen."""
    first = min(situation.ranked, key=lambda prospect: prospect.is_circuit_open)
    if first.model.id != winner.model.id:
        yield Flip(FlipKind.PRECEDENCE, first.model.id, f"{first.model.id} would win by utility alone")


def _first(situation: Situation, keyed: list[tuple[UtilityKey, Prospect]], label: Label, policy: Policy) -> Prospect:
    """Who comes first by the table of precedence. Keys end in the model's id, so prospects are never compared."""
    keyed.sort()
    ranked = [prospect for _, prospect in keyed]
    request = situation.admission.request
    return place(request, policy=policy, label=label, catalog=situation.catalog, ranked=ranked).prospects[0]


def _score(stakes: Stakes, prospect: Prospect, *, success: float | None = None, cost_usd: float | None = None) -> float:
    """The prospect's score, with one of its figures supposed."""
    return score_usd(
        stakes,
        prospect.success_probability if success is None else success,
        prospect.estimate.availability,
        prospect.cost_usd if cost_usd is None else cost_usd,
        prospect.estimate.latency_s,
    )


def _share(difference_usd: float, stakes: Stakes, prospect: Prospect) -> float:
    """The success that is worth this much, held to where no success can be; above 1 where the prospect never answers."""
    worth_usd = stakes.value_usd * prospect.estimate.availability
    return min(max(difference_usd / worth_usd, BELOW_ANY_SUCCESS), ABOVE_ANY_SUCCESS) if worth_usd > 0 else ABOVE_ANY_SUCCESS


def _success_above(threshold: float) -> float:
    return (math.floor(threshold * SUCCESS_STEPS) + 1) / SUCCESS_STEPS


def _success_below(threshold: float) -> float:
    return (math.ceil(threshold * SUCCESS_STEPS) - 1) / SUCCESS_STEPS


def _nanousd(usd: float) -> int:
    return math.floor(usd * NANOUSD_PER_USD)


def _rounded_down(nanousd: int) -> int:
    """To three significant digits, towards minus infinity."""
    step = int(10 ** max(0, len(str(abs(nanousd))) - SIGNIFICANT_DIGITS))
    return nanousd // step * step


def _only_weighs(policy: Policy, label: Label) -> bool:
    """False too for a policy in whose place another would apply."""
    return not _excludes(policy) and not (label.is_unsure and policy.when_unsure)


def _excludes(policy: Policy) -> bool:
    limits = (policy.max_cost_nanousd, policy.min_success_probability, policy.data_class)
    return bool(policy.models or policy.exclude_models or policy.local_only) or any(limit is not None for limit in limits)
