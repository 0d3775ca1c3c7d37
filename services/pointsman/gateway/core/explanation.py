"""The decision in plain words: why this model, and what speaks for and against each candidate."""

from pointsman.gateway.core.label import Label
from pointsman.gateway.core.money import format_usd
from pointsman.gateway.core.precedence import Placement
from pointsman.gateway.core.prospects import Prospect
from pointsman.gateway.core.routing import Cause, RoutingRequest
from pointsman.gateway.core.utility import Stakes

# Below it a wait is not worth a word.
SMALL_SHARE = 0.995


def reasons_of(prospect: Prospect, stakes: Stakes, *, head_reasons: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What speaks for and against the model. head_reasons: what put it first, for rank 1 only."""
    needs = prospect.estimate
    reasons = [*head_reasons, _success_reason(prospect, stakes), _cost_reason(prospect)]
    reasons.append(f"answers in about {needs.latency_s:.3g} s")
    if needs.availability < SMALL_SHARE:
        reasons.append(f"{needs.availability:.0%} of its calls succeeded lately")
    if needs.cached_token_count:
        reasons.append(f"about {needs.cached_token_count} tokens of the prompt are in its cache")
    if prospect.is_circuit_open:
        reasons.append("its circuit is open: it failed lately, and comes after those that did not")
    if prospect.obstacle is not None:
        reasons.append(f"cannot be called now: {prospect.obstacle}")
    return tuple(reasons)


def summary_of(request: RoutingRequest, placement: Placement, label: Label, stakes: Stakes, doubt: str | None = None) -> str:
    """Some sentences on rank 1. request: under the policy in force. doubt: why that is not the one asked for."""
    first, *others = placement.prospects
    sentence = f"{first.model.id} comes first: {placement.head_reason or _merit(request, placement, label, stakes)}."
    if first.obstacle is not None:
        sentence += f" It cannot be called now: {first.obstacle}."
    if placement.cause in (Cause.RANKED, Cause.DEGRADED) and others:
        sentence += f" Next is {others[0].model.id}: {_success_reason(others[0], stakes)}, {_cost_reason(others[0])}."
    return sentence if doubt is None else f"{doubt[:1].upper()}{doubt[1:]}. {sentence}"


def _merit(request: RoutingRequest, placement: Placement, label: Label, stakes: Stakes) -> str:
    """Why utility prefers it."""
    first = placement.prospects[0]
    figures = f"{_success_reason(first, stakes)}, {_cost_reason(first)}"
    if label.is_missing:
        return f"the prompt was not classified; by overall ability it is worth most under policy {request.policy_label} ({figures})"
    kind = " ".join(word for word in (label.difficulty, label.category) if word)
    return f"for {kind or label.task} work it is worth most under policy {request.policy_label} ({figures})"


def _success_reason(prospect: Prospect, stakes: Stakes) -> str:
    chance = prospect.success_probability
    basis = {"quality_score": ", from its quality score", "assumed": ", assumed"}.get(prospect.theta.source, "")
    basis += _shift_reason(prospect)
    if chance >= stakes.good_enough:
        return f"success {chance:.2f}{basis}, {stakes.good_enough:g} is good enough"
    return f"success {chance:.2f}{basis}"


def _shift_reason(prospect: Prospect) -> str:
    """What graded answers have done to it, where that shows in the figures."""
    now, before = f"{prospect.success_probability:.2f}", f"{prospect.predicted_success:.2f}"
    if prospect.theta.shift is None or now == before:
        return ""
    return f", {'raised' if prospect.theta.shift > 0 else 'lowered'} from {before} by graded answers"


def _cost_reason(prospect: Prospect) -> str:
    needs = prospect.estimate
    if needs.expected_cost_nanousd is None:
        return "cost unknown"
    if needs.expected_cost_nanousd == 0:
        return "free"
    return f"{format_usd(needs.expected_cost_nanousd)} for about {needs.input_token_count} tokens in and {needs.output_token_count} out"
