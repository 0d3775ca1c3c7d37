"""The routing decision: which models may answer, in which order, and why."""

from pointsman.gateway.core.catalog import Catalog
from pointsman.gateway.core.judgement import Judgement
from pointsman.gateway.core.routing import Conditions, RoutingDecision, RoutingRequest


def decide(request: RoutingRequest, judgement: Judgement | None, catalog: Catalog, conditions: Conditions) -> RoutingDecision:
    """Order the models that may answer. Pure: equal arguments, equal decision.

    judgement: None where the prompt was not classified. Raises the errors of `routing_errors`.
    """
    raise NotImplementedError
