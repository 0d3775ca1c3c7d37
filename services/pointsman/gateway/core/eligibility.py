"""Level 0: which models may answer at all. Nothing overrides it, not even naming a model.

The first check that a model fails is its reason. What the model is comes first, then what the request
would take on it, then whether it can be called now: a model excluded for want of a key would fit.
"""

from dataclasses import dataclass

from pointsman.gateway.core.catalog import Capability, DataClass, Location, Model, ModelStatus
from pointsman.gateway.core.estimates import Estimate
from pointsman.gateway.core.money import format_usd
from pointsman.gateway.core.routing import Conditions, Exclusion, ExclusionReason, RoutingRequest
from pointsman.gateway.core.wildcards import matches_any

# The provider that a caller's own key is for, and no other.
CALLER_KEY_PROVIDER_ID = "openai"


@dataclass(frozen=True, slots=True)
class Admission:
    """Level 0 of one request: its key's, its policy's and its own limits merged."""

    request: RoutingRequest
    named_ids: frozenset[str]  # asked for by name: they need no known facts, and may be deprecated
    only_named: bool
    has_lists: bool  # of models or providers, allowed or not
    capabilities: frozenset[Capability]
    local_only: bool
    data_class: DataClass | None
    max_cost_nanousd: int | None
    min_success_probability: float


def admission_of(request: RoutingRequest, *, named_ids: frozenset[str], only_named: bool) -> Admission:
    """Merge the stricter of policy and constraints."""
    policy, constraints = request.policy, request.constraints
    data_classes = [data_class for data_class in (policy.data_class, constraints.data_class) if data_class is not None]
    costs = [cost for cost in (policy.max_cost_nanousd, constraints.max_cost_nanousd) if cost is not None]
    return Admission(
        request=request,
        named_ids=named_ids,
        only_named=only_named,
        has_lists=_has_lists(request),
        capabilities=request.required_capabilities | constraints.capabilities,
        local_only=policy.local_only or constraints.local_only,
        data_class=max(data_classes, default=None),
        max_cost_nanousd=max(0, min(costs) - request.spent_nanousd) if costs else None,
        min_success_probability=max(policy.min_success_probability or 0.0, constraints.min_success_probability or 0.0),
    )


def may_know(request: RoutingRequest, model_id: str) -> bool:
    """True where the caller's key may use the model; for it the others do not exist."""
    return not request.key_models or matches_any(request.key_models, model_id)


def exclude_by_nature(model: Model, admission: Admission) -> Exclusion | None:
    """Exclude by what the model is, whatever the prompt."""
    is_named = model.id in admission.named_ids
    if admission.only_named and not is_named:
        return Exclusion(model.id, ExclusionReason.NOT_REQUESTED, "the request names other models")
    if model.status is not ModelStatus.ACTIVE and not (is_named and model.status is ModelStatus.DEPRECATED):
        return Exclusion(model.id, ExclusionReason.STATUS, f"the model is {model.status}")
    if admission.has_lists and (excluded := _exclude_by_lists(model, admission.request)) is not None:
        return excluded
    if model.capabilities and not admission.capabilities <= model.capabilities:
        lacking = ", ".join(sorted(admission.capabilities - model.capabilities))
        return Exclusion(model.id, ExclusionReason.CAPABILITY, f"it lacks {lacking}")
    if admission.local_only and model.provider.location is not Location.LOCAL:
        return Exclusion(model.id, ExclusionReason.LOCAL_ONLY, f"local_only is set, and provider {model.provider.id} is not local")
    if admission.data_class is not None and not _may_see(model, admission.data_class):
        message = f"data of class {admission.data_class.name.lower()} may not go to this model"
        return Exclusion(model.id, ExclusionReason.DATA_CLASS, message)
    return None if is_named else _exclude_by_facts(model, admission.capabilities)


def exclude_by_work(model: Model, estimate: Estimate, admission: Admission) -> Exclusion | None:
    """Exclude by what the request would take on the model: tokens, money, time."""
    request = admission.request
    wanted, limit = request.max_output_token_count, model.max_output_token_count
    if wanted is not None and limit is not None and wanted > limit:
        message = f"max_tokens asks for {wanted} tokens, model gives {limit}"
        return Exclusion(model.id, ExclusionReason.OUTPUT_LIMIT, message)
    window = model.context_window_token_count
    needed = estimate.input_token_count + (estimate.output_token_count if wanted is None else wanted)
    if window is not None and needed > window:
        message = f"prompt and answer need {needed} tokens, model takes {window}"
        return Exclusion(model.id, ExclusionReason.CONTEXT_WINDOW, message)
    if (max_cost := admission.max_cost_nanousd) is not None:
        cost = estimate.expected_cost_nanousd
        if cost is None:
            return Exclusion(model.id, ExclusionReason.MAX_COST, f"its price is unknown, and at most {format_usd(max_cost)} may be spent")
        if cost > max_cost:
            message = f"it would cost {format_usd(cost)}, at most {format_usd(max_cost)} may be spent"
            return Exclusion(model.id, ExclusionReason.MAX_COST, message)
    max_latency_s = request.constraints.max_latency_s
    if max_latency_s is not None and estimate.latency_s > max_latency_s:
        message = f"it would take {estimate.latency_s:.3g} s, at most {max_latency_s:.3g} s are allowed"
        return Exclusion(model.id, ExclusionReason.MAX_LATENCY, message)
    return None


def exclude_by_success(model: Model, success_probability: float, admission: Admission) -> Exclusion | None:
    """Exclude a model that answers too improbably."""
    least = admission.min_success_probability
    if success_probability < least:
        message = f"it succeeds with probability {success_probability:.2f}, at least {least:.2f} is asked"
        return Exclusion(model.id, ExclusionReason.MIN_SUCCESS, message)
    threshold = admission.request.routing_threshold
    if threshold is not None and model.provider.location is Location.LOCAL and success_probability < threshold:
        message = f"it succeeds with probability {success_probability:.2f}, ROUTING_THRESHOLD asks {threshold:.2f} of local models"
        return Exclusion(model.id, ExclusionReason.ROUTING_THRESHOLD, message)
    return None


def exclude_by_call(model: Model, conditions: Conditions, request: RoutingRequest) -> Exclusion | None:
    """Exclude a model that cannot be called now."""
    if request.has_caller_key and model.provider.id == CALLER_KEY_PROVIDER_ID:
        return None
    return exclude_by_provider(model, conditions)


def exclude_by_provider(model: Model, conditions: Conditions) -> Exclusion | None:
    """Exclude a model whose provider cannot be called with the operator's own settings."""
    condition = conditions.providers.get(model.provider.id)
    if condition is None:
        return None
    if not condition.callable:
        return Exclusion(model.id, ExclusionReason.CREDENTIALS, condition.reason or f"provider {model.provider.id} cannot be called")
    if condition.listed_upstreams and model.upstream not in condition.listed_upstreams:
        return Exclusion(model.id, ExclusionReason.NOT_LISTED, f"provider {model.provider.id} does not have {model.upstream}")
    return None


def _exclude_by_lists(model: Model, request: RoutingRequest) -> Exclusion | None:
    policy, constraints = request.policy, request.constraints
    if (policy.models and not matches_any(policy.models, model.id)) or matches_any(policy.exclude_models, model.id):
        return Exclusion(model.id, ExclusionReason.POLICY, f"policy {request.policy_label} does not allow it")
    provider_id = model.provider.id
    by_list = {
        "models": constraints.models and not matches_any(constraints.models, model.id),
        "exclude_models": matches_any(constraints.exclude_models, model.id),
        "providers": constraints.providers and not matches_any(constraints.providers, provider_id),
        "exclude_providers": matches_any(constraints.exclude_providers, provider_id),
    }
    for name, is_excluded in by_list.items():
        if is_excluded:
            return Exclusion(model.id, ExclusionReason.CONSTRAINTS, f"constraints.{name} does not allow it")
    return None


def _exclude_by_facts(model: Model, capabilities: frozenset[Capability]) -> Exclusion | None:
    """Exclude a model of which too little is known to rank it. An embedding needs no ability."""
    missing = []
    if not model.capabilities:
        missing.append("capabilities")
    if model.price is None:
        missing.append("price")
    if model.context_window_token_count is None:
        missing.append("context window")
    if not model.skills and model.quality_score is None and Capability.EMBEDDINGS not in capabilities:
        missing.append("ability and quality score")
    return Exclusion(model.id, ExclusionReason.FACTS_MISSING, f"unknown: {', '.join(missing)}") if missing else None


def _has_lists(request: RoutingRequest) -> bool:
    policy, constraints = request.policy, request.constraints
    by_request = constraints.models or constraints.exclude_models or constraints.providers or constraints.exclude_providers
    return bool(policy.models or policy.exclude_models or by_request)


def _may_see(model: Model, data_class: DataClass) -> bool:
    """Classes are ordered: who may see one may see all below it; model and provider must both be allowed."""
    return all(not allowed or data_class <= max(allowed) for allowed in (model.data_classes, model.provider.data_classes))
