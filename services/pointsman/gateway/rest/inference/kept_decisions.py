"""Decisions as the ledger keeps them, and what is read from there: to be shown, and to be run."""

import json
from collections.abc import Mapping

from pointsman.gateway.core.routing import Constraints
from pointsman.gateway.engine.decision_book import RecordedPlan
from pointsman.gateway.engine.decision_terms import DecisionTerms
from pointsman.gateway.engine.routing import Routed
from pointsman.gateway.ports import DecisionRecord
from pointsman.gateway.rest.figures import MS_PER_S, moment_of, usd
from pointsman.gateway.rest.inference.answers import recommendation
from pointsman.gateway.rest.inference.route_models import ConstraintsBody
from pointsman.kit.json_loader import dump_json

# What the ledger takes of one decision (ledger.proto).
MAX_DETAIL_BYTES = 256 << 10
# Candidates kept where a decision is longer than that; no request tries more.
KEPT_CANDIDATES = 16
UNKNOWN_CATEGORY = "general"
MOST_ATTEMPTS = Constraints().max_attempts


def decision_record(routed: Routed) -> DecisionRecord:
    """The decision as the ledger keeps it."""
    decision, judgement = routed.decision, routed.judgement
    return DecisionRecord(
        decision_id=routed.decision_id,
        request_id=routed.request_id,
        create_time_s=routed.create_time_s,
        account=routed.account,
        category=UNKNOWN_CATEGORY if judgement is None else judgement.category,
        difficulty=None if judgement is None else judgement.difficulty.value,
        policy=decision.policy_label,
        cause=decision.cause.value,
        model_id=decision.ranking[0].model.id,
        catalog_version=decision.catalog_version,
        degraded=routed.degraded,
        prompt_hash=routed.prompt_hash,
        detail=decision_detail(routed),
    )


def decision_detail(routed: Routed) -> bytes:
    """The recommendation and its terms as JSON; that of a huge catalogue keeps the first candidates and says what it left out."""
    answer, terms = recommendation(routed), terms_object(routed.terms)
    detail = dump_json({**answer, "constraints": terms})
    if len(detail) <= MAX_DETAIL_BYTES:
        return detail
    left_out = {"ranking": max(0, len(answer["ranking"]) - KEPT_CANDIDATES), "excluded": len(answer["excluded"])}
    shortened = {**answer, "ranking": answer["ranking"][:KEPT_CANDIDATES], "excluded": [], "left_out": left_out}
    return dump_json({**shortened, "constraints": terms})


def decision_answer(record: DecisionRecord) -> dict[str, object]:
    """What `GET /v1/decisions/{id}` answers: DecisionShape."""
    detail: dict[str, object] = json.loads(record.detail)
    return {"constraints": {}, "left_out": None, **detail, "cause": record.cause, "created_at": moment_of(record.create_time_s)}


def recorded_plan(record: DecisionRecord) -> RecordedPlan:
    """What of a recorded decision is needed to run it."""
    detail = json.loads(record.detail)
    return RecordedPlan(tuple(row["model"]["id"] for row in detail["ranking"]), terms_of(detail.get("constraints")))


def terms_object(terms: DecisionTerms) -> dict[str, object]:
    """As `POST /route` takes it, without what it leaves open."""
    made = terms.constraints
    named: Mapping[str, object] = {
        "max_tokens": terms.max_output_token_count,
        "max_cost_usd": usd(made.max_cost_nanousd),
        "max_latency_ms": None if made.max_latency_s is None else made.max_latency_s * MS_PER_S,
        "min_success_probability": made.min_success_probability,
        "models": list(made.models) or None,
        "exclude_models": list(made.exclude_models) or None,
        "providers": list(made.providers) or None,
        "exclude_providers": list(made.exclude_providers) or None,
        "capabilities": sorted(capability.value for capability in made.capabilities) or None,
        "local_only": made.local_only or None,
        "data_class": None if made.data_class is None else made.data_class.name.lower(),
        "max_fallback_cost_usd": usd(made.max_fallback_cost_nanousd),
        "max_attempts": None if made.max_attempts == MOST_ATTEMPTS else made.max_attempts,
    }
    return {name: value for name, value in named.items() if value is not None}


def terms_of(value: object) -> DecisionTerms:
    """The terms that an object asks for; a record without one was made before there were any. Raises ValueError."""
    body = ConstraintsBody.model_validate({} if value is None else value)
    return DecisionTerms(body.to_constraints(), body.max_tokens)
