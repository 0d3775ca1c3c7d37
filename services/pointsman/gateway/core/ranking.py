"""The routing decision: which models may answer, in which order, and why.

Level 0 (`eligibility`) says who may answer at all; the table of precedence (`precedence`) says who goes
first; utility (`utility`) orders the rest.
"""

from collections.abc import Mapping

from pointsman.gateway.core.catalog import Catalog
from pointsman.gateway.core.doubt import doubt_reason, request_in_force
from pointsman.gateway.core.eligibility import Admission, admission_of, may_know
from pointsman.gateway.core.estimates import CATEGORY_MEDIAN, TOKENS_PER_IMAGE, work_of
from pointsman.gateway.core.explanation import reasons_of, summary_of
from pointsman.gateway.core.flips import Situation, find_flips
from pointsman.gateway.core.judgement import Judgement
from pointsman.gateway.core.label import label_of
from pointsman.gateway.core.money import UNLIMITED, affordable_output_token_count, format_usd
from pointsman.gateway.core.outcomes import NO_OUTCOMES, Outcomes
from pointsman.gateway.core.precedence import Placement, allows_others, named_ids, place
from pointsman.gateway.core.prospects import Prospect, by_utility, survey
from pointsman.gateway.core.refusal import refusal
from pointsman.gateway.core.routing import (
    Conditions,
    Exclusion,
    ExclusionReason,
    RankedCandidate,
    RoutingDecision,
    RoutingRequest,
)
from pointsman.gateway.core.routing_errors import ModelNotFound
from pointsman.gateway.core.utility import Stakes, stakes_of

NOT_CALLABLE = "not_callable"


def decide(
    request: RoutingRequest, judgement: Judgement | None, catalog: Catalog, conditions: Conditions, outcomes: Outcomes = NO_OUTCOMES
) -> RoutingDecision:
    """Order the models that may answer. Pure: equal arguments, equal decision.

    judgement: None where the prompt was not classified. outcomes: of earlier answers. Raises the errors of `routing_errors`.
    """
    _require_known(request, catalog)
    label = label_of(judgement, request.task_type)
    asked, request = request, request_in_force(request, label, catalog)
    doubt = doubt_reason(asked, request)
    named = named_ids(request)
    work = work_of(request, label, outcomes)
    admission = admission_of(request, named_ids=frozenset(named), only_named=not allows_others(request))
    found = survey(catalog, admission, label, work, conditions, outcomes)
    if not found.prospects:
        raise refusal(request, catalog, found.exclusions)
    stakes = stakes_of(request.policy, input_token_count=work.input_token_count, output_token_count=work.output_token_count)
    ranked = by_utility(found.prospects, stakes)
    placement = place(request, policy=request.policy, label=label, catalog=catalog, ranked=ranked)
    situation = Situation(admission, label, work, stakes, catalog, found, ranked)
    candidates, dropped = _within_fallback_cost(placement, request)
    first = candidates[0].estimate
    head_reasons = tuple(reason for reason in (placement.head_reason, doubt) if reason is not None)
    return RoutingDecision(
        cause=placement.cause,
        ranking=_ranking(candidates, head_reasons, stakes, outcomes),
        excluded=(*found.exclusions, *dropped),
        summary=summary_of(request, placement, label, stakes, doubt),
        flips=find_flips(situation, placement),
        policy_label=asked.policy_label,
        input_token_count=first.input_token_count,
        output_token_count=first.output_token_count,
        catalog_version=catalog.version,
        degraded=() if found.is_callable else (NOT_CALLABLE,),
        experiment_id=placement.experiment_id,
        experiment_note=placement.experiment_note,
        output_token_limit=_output_token_limit(candidates, admission),
    )


def _require_known(request: RoutingRequest, catalog: Catalog) -> None:
    """Refuse names that do not exist, or not for this key; the two look the same, and neither is echoed."""
    if request.prior is not None:
        return
    for model_id in request.model_ids:
        if model_id not in catalog.models or not may_know(request, model_id):
            raise ModelNotFound("the model does not exist, or this key may not use it", param="model")


def _ranking(
    candidates: tuple[Prospect, ...], head_reasons: tuple[str, ...], stakes: Stakes, outcomes: Outcomes
) -> tuple[RankedCandidate, ...]:
    ranking = []
    for rank, prospect in enumerate(candidates, start=1):
        needs, terms = prospect.estimate, prospect.terms(stakes)
        ranking.append(
            RankedCandidate(
                rank=rank,
                model=prospect.model,
                score_usd=terms.value_usd + terms.cost_usd + terms.latency_usd,
                terms=terms,
                success_probability=prospect.success_probability,
                predicted_success=prospect.predicted_success,
                expected_cost_nanousd=needs.expected_cost_nanousd,
                worst_case_cost_nanousd=needs.worst_case_cost_nanousd,
                expected_latency_s=needs.latency_s,
                expected_output_token_count=needs.output_token_count,
                availability=needs.availability,
                sources=_sources(prospect, outcomes),
                reasons=reasons_of(prospect, stakes, head_reasons=head_reasons if rank == 1 else ()),
            )
        )
    return tuple(ranking)


def _sources(prospect: Prospect, outcomes: Outcomes) -> Mapping[str, str]:
    """Where each input comes from, and the version of the outcomes where one comes from them."""
    sources = {"success": prospect.theta.full_source, **prospect.estimate.sources}
    if prospect.theta.shift is not None or sources["output_tokens"] == CATEGORY_MEDIAN:
        sources["outcomes_version"] = str(outcomes.version)
    return sources


def _within_fallback_cost(placement: Placement, request: RoutingRequest) -> tuple[tuple[Prospect, ...], tuple[Exclusion, ...]]:
    """Rank 1, and of the others those whose cost `max_fallback_cost_usd` allows; then those it does not."""
    limit = request.constraints.max_fallback_cost_nanousd
    if limit is None:
        return placement.prospects, ()
    first, *others = placement.prospects
    kept, dropped = [first], []
    for prospect in others:
        cost = prospect.estimate.expected_cost_nanousd
        if cost is not None and cost <= limit:
            kept.append(prospect)
            continue
        price = "an unknown sum" if cost is None else format_usd(cost)
        message = f"as a fallback it would cost {price}, at most {format_usd(limit)} may be spent"
        dropped.append(Exclusion(prospect.model.id, ExclusionReason.MAX_FALLBACK_COST, message))
    return tuple(kept), tuple(dropped)


def _output_token_limit(candidates: tuple[Prospect, ...], admission: Admission) -> int | None:
    """Completion tokens that keep each candidate within max cost; None where the request's own limit does."""
    if admission.max_cost_nanousd is None:
        return None
    limit = min((_affordable(prospect, admission.max_cost_nanousd, admission.request) for prospect in candidates), default=UNLIMITED)
    wanted = admission.request.max_output_token_count
    return limit if limit < (UNLIMITED if wanted is None else wanted) else None


def _affordable(prospect: Prospect, limit_nanousd: int, request: RoutingRequest) -> int:
    """Of each choice; never below what is expected, which fits: the expected cost was held to the limit before."""
    needs, price = prospect.estimate, prospect.model.price
    if price is None or price.is_free or needs.output_token_count == 0:
        return UNLIMITED
    image_count = request.image_count if price.image_microusd is not None else 0  # else they are billed as tokens
    affordable = affordable_output_token_count(
        price,
        limit_nanousd=limit_nanousd,
        input_token_count=max(0, needs.input_token_count - image_count * TOKENS_PER_IMAGE),
        image_count=image_count,
    )
    return max(affordable // request.choice_count, needs.output_token_count)
