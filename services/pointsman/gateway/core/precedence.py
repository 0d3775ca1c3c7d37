"""The table of precedence: which of the admitted models goes first, and which follow.

The first row that applies decides rank 1:

    1  a decision made before, with another of its candidates put first
    2  a decision made before, in its order
    3  models that the request names, in its order
    4  the model to which the agent is bound
    5  the model that the session keeps
    6  the arm of an experiment
    7  the models of a routing rule
    8  utility

Level 0 (`eligibility`) has spoken before: only prospects are placed. In rows 4-8 prospects whose circuit
is open go behind the healthy ones, and may lead only where there is no healthy one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pointsman.gateway.core.catalog import Catalog, Policy, RoutingRule, SessionPin
from pointsman.gateway.core.experiment import enrol
from pointsman.gateway.core.label import Label
from pointsman.gateway.core.prospects import Prospect
from pointsman.gateway.core.routing import Cause, PriorDecision, RoutingRequest
from pointsman.gateway.core.routing_errors import DecisionStale


@dataclass(frozen=True, slots=True)
class Placement:
    """The order of candidates and what put its first one there."""

    prospects: tuple[Prospect, ...]
    cause: Cause
    head_reason: str | None  # for people; None: its utility
    experiment_id: str | None = None
    experiment_note: str | None = None


def named_ids(request: RoutingRequest) -> tuple[str, ...]:
    """Ids of the models that the request asks for by name, in order (rows 1-4); empty: auto."""
    if request.prior is not None:
        return _prior_ids(request.prior)
    if request.model_ids:
        return tuple(dict.fromkeys(request.model_ids))
    if request.agent is not None and request.agent.model_id is not None:
        return (request.agent.model_id,)
    return ()


def allows_others(request: RoutingRequest) -> bool:
    """True where models that are not named may answer too (rows 4 with fallback, and 5-8)."""
    if request.prior is not None or request.model_ids:
        return False
    return request.agent is None or request.agent.model_id is None or request.agent.fallback


def place(request: RoutingRequest, *, policy: Policy, label: Label, catalog: Catalog, ranked: Sequence[Prospect]) -> Placement:
    """Apply the first row that can.

    ranked: the prospects by utility, at least one. policy: the one in force, or one supposed instead.
    Raises DecisionStale where a prior decision cannot be run.
    """
    by_id = {prospect.model.id: prospect for prospect in ranked}
    named = [by_id[model_id] for model_id in named_ids(request) if model_id in by_id]
    if request.prior is not None:
        return _place_prior(request.prior, by_id, named)
    if request.model_ids:
        return Placement(tuple(named), Cause.EXPLICIT_MODEL, "the request names it")
    leaders = {model_id: prospect for model_id, prospect in by_id.items() if not prospect.is_circuit_open} or by_id
    if request.agent is not None and request.agent.model_id is not None:
        return _place_agent(request.agent.model_id, request.agent.name, leaders, [*named, *ranked])
    return _place_auto(request, policy, label, catalog, ranked, leaders)


def _place_prior(prior: PriorDecision, by_id: dict[str, Prospect], named: list[Prospect]) -> Placement:
    """Rows 1 and 2: the model that must run is there, or the decision is stale; later candidates may have gone."""
    first_id = prior.override_model_id or prior.model_ids[0]
    if first_id not in by_id or first_id not in prior.model_ids:
        raise DecisionStale(f"decision {prior.decision_id}: {first_id} is not, or no longer, among its candidates", param="decision_id")
    if prior.override_model_id is not None:
        return Placement(tuple(named), Cause.OVERRIDE, f"the caller put it above decision {prior.decision_id}")
    return Placement(tuple(named), prior.cause, f"decision {prior.decision_id} chose it")


def _place_agent(model_id: str, agent_name: str, leaders: dict[str, Prospect], order: list[Prospect]) -> Placement:
    """Row 4. Others are prospects only where the agent falls back."""
    if model_id in leaders:
        return Placement(_healthy_first(order), Cause.EXPLICIT_MODEL, f"agent {agent_name} is bound to it")
    return Placement(_healthy_first(order), Cause.FALLBACK, f"{model_id}, to which agent {agent_name} is bound, cannot answer")


def _place_auto(
    request: RoutingRequest, policy: Policy, label: Label, catalog: Catalog, ranked: Sequence[Prospect], leaders: dict[str, Prospect]
) -> Placement:
    """Rows 5-8."""
    below = _place_by_rule(label, policy, catalog, ranked, leaders)
    pinned = leaders.get(request.pinned_model_id or "") if _is_pinning(policy, request) else None
    if pinned is not None:
        reason = "the tool calls before went to it" if request.in_tool_loop else "the session keeps it"
        return Placement(_healthy_first([pinned, *below.prospects]), Cause.PINNED_SESSION, reason)
    enrolment = None
    if catalog.experiments:
        units = request.experiment_units
        enrolment = enrol(catalog.experiments, units=units, label=label, policy_id=policy.id, can_lead=leaders)
    if enrolment is None:
        return below
    if enrolment.model_id is None:
        return replace(below, experiment_id=enrolment.experiment_id, experiment_note=enrolment.note)
    order = _healthy_first([leaders[enrolment.model_id], *below.prospects])
    return Placement(order, Cause.EXPERIMENT, f"experiment {enrolment.experiment_id} assigns it", enrolment.experiment_id)


def _is_pinning(policy: Policy, request: RoutingRequest) -> bool:
    return policy.pin_session is SessionPin.SESSION or (policy.pin_session is SessionPin.TOOL_LOOP and request.in_tool_loop)


def _place_by_rule(label: Label, policy: Policy, catalog: Catalog, ranked: Sequence[Prospect], leaders: dict[str, Prospect]) -> Placement:
    """Rows 7 and 8: the models of the first rule that matches, then utility."""
    order: list[Prospect] = list(ranked)
    rule = matching_rule(catalog, label, policy.id)
    if rule is not None:
        by_id = {prospect.model.id: prospect for prospect in ranked}
        listed = [by_id[model_id] for model_id in (*rule.preferred_model_ids, *rule.fallback_model_ids) if model_id in by_id]
        order = [*listed, *ranked]
        if any(prospect.model.id in leaders for prospect in listed):
            return Placement(_healthy_first(order), Cause.RULE_PREFERRED, f"the routing rule for {rule.task} prefers it")
    cause = Cause.DEGRADED if label.is_missing else Cause.RANKED
    return Placement(_healthy_first(order), cause, None)


def matching_rule(catalog: Catalog, label: Label, policy_id: str) -> RoutingRule | None:
    """The first rule in file order whose task and condition hold."""
    for rule in catalog.routing_rules:
        if rule.task == label.task and label.satisfies(rule.when, policy_id):
            return rule
    return None


def _healthy_first(order: Iterable[Prospect]) -> tuple[Prospect, ...]:
    """Each prospect once, at its first place, those with an open circuit behind all others."""
    healthy: dict[str, Prospect] = {}
    ailing: dict[str, Prospect] = {}
    for prospect in order:
        (ailing if prospect.is_circuit_open else healthy).setdefault(prospect.model.id, prospect)
    return (*healthy.values(), *ailing.values())


def _prior_ids(prior: PriorDecision) -> tuple[str, ...]:
    override = () if prior.override_model_id is None else (prior.override_model_id,)
    return tuple(dict.fromkeys((*override, *prior.model_ids)))
