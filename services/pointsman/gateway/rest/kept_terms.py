"""The terms of a decision in its record: the object `constraints` that asks for them."""

from collections.abc import Mapping

from pointsman.gateway.core.money import NANOUSD_PER_USD
from pointsman.gateway.core.routing import Constraints
from pointsman.gateway.engine.decision_terms import DecisionTerms
from pointsman.gateway.rest.route_models import ConstraintsBody

MS_PER_S = 1_000.0
MOST_ATTEMPTS = Constraints().max_attempts


def terms_object(terms: DecisionTerms) -> dict[str, object]:
    """As `POST /route` takes it, without what it leaves open."""
    made = terms.constraints
    named: Mapping[str, object] = {
        "max_tokens": terms.max_output_token_count,
        "max_cost_usd": _usd(made.max_cost_nanousd),
        "max_latency_ms": None if made.max_latency_s is None else made.max_latency_s * MS_PER_S,
        "min_success_probability": made.min_success_probability,
        "models": list(made.models) or None,
        "exclude_models": list(made.exclude_models) or None,
        "providers": list(made.providers) or None,
        "exclude_providers": list(made.exclude_providers) or None,
        "capabilities": sorted(capability.value for capability in made.capabilities) or None,
        "local_only": made.local_only or None,
        "data_class": None if made.data_class is None else made.data_class.name.lower(),
        "max_fallback_cost_usd": _usd(made.max_fallback_cost_nanousd),
        "max_attempts": None if made.max_attempts == MOST_ATTEMPTS else made.max_attempts,
    }
    return {name: value for name, value in named.items() if value is not None}


def terms_of(value: object) -> DecisionTerms:
    """The terms that an object asks for; a record without one was made before there were any. Raises ValueError."""
    body = ConstraintsBody.model_validate({} if value is None else value)
    return DecisionTerms(body.to_constraints(), body.max_tokens)


def _usd(nanousd: int | None) -> float | None:
    return None if nanousd is None else nanousd / NANOUSD_PER_USD
