"""What a policy does with a prompt that nobody is sure of: another policy may take its place."""

from dataclasses import replace

from pointsman.gateway.core.catalog import Catalog, Policy
from pointsman.gateway.core.label import Label
from pointsman.gateway.core.precedence import named_ids
from pointsman.gateway.core.routing import RoutingRequest


def request_in_force(request: RoutingRequest, label: Label, catalog: Catalog) -> RoutingRequest:
    """The request under the policy by which it is ranked: its own or, of an unsure prompt, the one that this names.

    Where the request names its models nothing is ranked, and its own policy holds. The other policy's own
    `when_unsure` is not followed.
    """
    other = catalog.policies.get(request.policy.when_unsure or "")
    if not label.is_unsure or other is None or (named_ids(request) and request.prior is None):
        return request
    return replace(request, policy=with_limits_of(request.policy, other), policy_label=other.id)


def with_limits_of(asked: Policy, other: Policy) -> Policy:
    """The other policy, within what the asked one says of where prompts may go, what they may cost and who may never answer."""
    data_classes = [data_class for data_class in (asked.data_class, other.data_class) if data_class is not None]
    costs = [cost for cost in (asked.max_cost_nanousd, other.max_cost_nanousd) if cost is not None]
    return replace(
        other,
        exclude_models=asked.exclude_models + other.exclude_models,
        local_only=asked.local_only or other.local_only,
        data_class=max(data_classes, default=None),
        max_cost_nanousd=min(costs, default=None),
    )


def doubt_reason(asked: RoutingRequest, in_force: RoutingRequest) -> str | None:
    """Why another policy applies than the one asked for; None where none does."""
    if in_force is asked:
        return None
    return f"the judgement of the prompt is unsure, so policy {in_force.policy_label} applies in place of {asked.policy_label}"
