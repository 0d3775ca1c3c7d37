"""What to tell where no model may answer: whose doing it is, and what would change it."""

from collections.abc import Iterable, Mapping

from pointsman.gateway.core.catalog import Catalog, DataClass
from pointsman.gateway.core.money import format_usd
from pointsman.gateway.core.routing import Constraints, Exclusion, ExclusionReason, RoutingRequest
from pointsman.gateway.core.routing_errors import (
    ContextLengthExceeded,
    DecisionStale,
    NoCandidate,
    NoHealthyProvider,
    RoutingError,
)

# Enough to act on; a catalogue of hundreds would fill a screen.
MAX_LISTED_GROUPS = 8
MAX_LISTED_MODELS = 3

CANNOT_BE_CALLED = frozenset({ExclusionReason.CREDENTIALS, ExclusionReason.NOT_LISTED})
# Reasons that no request could remove: they say nothing of this one.
NOT_OF_THE_REQUEST = frozenset({ExclusionReason.NOT_REQUESTED, ExclusionReason.STATUS, ExclusionReason.FACTS_MISSING})


def refusal(request: RoutingRequest, catalog: Catalog, exclusions: Iterable[Exclusion]) -> RoutingError:
    """The error for a request of which every model is excluded."""
    relevant = [excluded for excluded in exclusions if excluded.reason is not ExclusionReason.NOT_REQUESTED]
    if request.prior is not None:
        return DecisionStale(f"decision {request.prior.decision_id}: none of its candidates is left{_first(relevant)}", param="decision_id")
    if not request.model_ids and request.agent is not None and request.agent.model_id is not None and not request.agent.fallback:
        return NoHealthyProvider(f"agent {request.agent.name} is bound to {request.agent.model_id}, which cannot answer{_first(relevant)}")
    if any(excluded.reason in CANNOT_BE_CALLED for excluded in relevant):
        return NoHealthyProvider(f"no fitting model can be called now; {_remedies(catalog, relevant)}")
    blamed = [excluded for excluded in relevant if excluded.reason not in NOT_OF_THE_REQUEST]
    if not blamed:
        return NoHealthyProvider(f"no model of the catalogue is active and known well enough{_first(relevant)}")
    fitting_in_kind = [excluded for excluded in blamed if excluded.reason is not ExclusionReason.CAPABILITY]
    if fitting_in_kind and all(excluded.reason is ExclusionReason.CONTEXT_WINDOW for excluded in fitting_in_kind):
        return ContextLengthExceeded(f"no model takes a prompt of this length: {_listed(fitting_in_kind)}", param="messages")
    return NoCandidate(f"no model is left by {_causes(request, blamed)}: {_listed(blamed)}", param="constraints")


def _remedies(catalog: Catalog, exclusions: Iterable[Exclusion]) -> str:
    """Which setting would make which models callable, grouped by setting."""
    groups: dict[str, list[str]] = {}
    for excluded in exclusions:
        if excluded.reason in CANNOT_BE_CALLED:
            provider_id = catalog.models[excluded.model_id].provider.id
            groups.setdefault(f"{provider_id}: {excluded.message}", []).append(excluded.model_id)
    return "; ".join(f"{_names(ids)} ({remedy})" for remedy, ids in list(groups.items())[:MAX_LISTED_GROUPS])


def _causes(request: RoutingRequest, blamed: Iterable[Exclusion]) -> str:
    """The request's fields that excluded models, by name and value; the operator's own where it was they."""
    wording = _wording(request)
    reasons = dict.fromkeys(excluded.reason for excluded in blamed)
    return ", ".join(wording.get(reason, reason.value) for reason in reasons)


def _wording(request: RoutingRequest) -> Mapping[ExclusionReason, str]:
    policy, constraints = request.policy, request.constraints
    capabilities = sorted(request.required_capabilities | constraints.capabilities)
    data_class = max((named for named in (policy.data_class, constraints.data_class) if named), default=DataClass.PUBLIC)
    costs = [cost for cost in (policy.max_cost_nanousd, constraints.max_cost_nanousd) if cost is not None]
    return {
        ExclusionReason.POLICY: f"policy {request.policy_label}",
        ExclusionReason.CONSTRAINTS: _lists(constraints),
        ExclusionReason.CAPABILITY: f"capabilities ({', '.join(capabilities)})",
        ExclusionReason.LOCAL_ONLY: "local_only",
        ExclusionReason.DATA_CLASS: f"data_class {data_class.name.lower()}",
        ExclusionReason.OUTPUT_LIMIT: f"max_tokens {request.max_output_token_count}",
        ExclusionReason.CONTEXT_WINDOW: "the prompt's length",
        ExclusionReason.MAX_COST: f"max_cost_usd {format_usd(min(costs, default=0)).removeprefix('$')}",
        ExclusionReason.MAX_LATENCY: f"max_latency_ms {(constraints.max_latency_s or 0.0) * 1000:g}",
        ExclusionReason.MIN_SUCCESS: "min_success_probability",
        ExclusionReason.ROUTING_THRESHOLD: "ROUTING_THRESHOLD",
    }


def _lists(constraints: Constraints) -> str:
    lists = {
        "models": constraints.models,
        "exclude_models": constraints.exclude_models,
        "providers": constraints.providers,
        "exclude_providers": constraints.exclude_providers,
    }
    return ", ".join(name for name, values in lists.items() if values)


def _listed(exclusions: Iterable[Exclusion]) -> str:
    lines = [f"{excluded.model_id}: {excluded.message}" for excluded in exclusions]
    more = len(lines) - MAX_LISTED_GROUPS
    return "; ".join(lines[:MAX_LISTED_GROUPS]) + (f"; and {more} more" if more > 0 else "")


def _names(ids: list[str]) -> str:
    more = len(ids) - MAX_LISTED_MODELS
    return ", ".join(ids[:MAX_LISTED_MODELS]) + (f" and {more} more" if more > 0 else "")


def _first(exclusions: list[Exclusion]) -> str:
    return f": {exclusions[0].message}" if exclusions else ""
