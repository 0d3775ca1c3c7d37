"""Decisions and completions as JSON objects."""

from collections.abc import Mapping

from pointsman.gateway.core.judgement import CacheUse, Judgement
from pointsman.gateway.core.routing import RankedCandidate
from pointsman.gateway.engine.completion import Completion
from pointsman.gateway.engine.routing import Routed
from pointsman.gateway.ports import Attempt, MeasuredUsage
from pointsman.gateway.rest.figures import DIGITS, milliseconds, usd
from pointsman.gateway.rest.inference.answer_shapes import (
    AttemptShape,
    CandidateShape,
    ClassificationShape,
    ExperimentShape,
    MetadataShape,
    OutcomeShape,
    RecommendationShape,
    TimingsShape,
)

NO_TIMINGS = TimingsShape(tokenize=0.0, queue=0.0, embed=0.0, total=0.0)


def recommendation(routed: Routed) -> RecommendationShape:
    """What `POST /route` answers in mode recommend."""
    decision = routed.decision
    first = decision.ranking[0].model
    experiment = None
    if decision.experiment_id is not None:
        experiment = ExperimentShape(id=decision.experiment_id, note=decision.experiment_note)
    return {
        "request_id": routed.request_id,
        "decision_id": routed.decision_id,
        "classification": classification(routed.judgement, routed.cache),
        "recommended_model": {"id": first.id, "provider": first.provider.id, "display_name": first.display_name},
        "ranking": [candidate(ranked) for ranked in decision.ranking],
        "excluded": [{"model": row.model_id, "reason": row.reason, "message": row.message} for row in decision.excluded],
        "why": {"summary": decision.summary, "flips": [flip.text for flip in decision.flips]},
        "policy": decision.policy_label,
        "estimated_tokens": {"input": decision.input_token_count, "output": decision.output_token_count},
        "degraded": list(routed.degraded),
        "catalog_version": decision.catalog_version.number,
        "experiment": experiment,
    }


def classification(judgement: Judgement | None, cache: CacheUse) -> ClassificationShape:
    """The judgement; nulls where there is none."""
    if judgement is None:
        return _no_classification()
    timings = TimingsShape(
        tokenize=milliseconds(judgement.tokenize_s),
        queue=milliseconds(judgement.queue_s),
        embed=milliseconds(judgement.embed_s),
        total=milliseconds(judgement.total_s),
    )
    return {
        "category": judgement.category,
        "difficulty": judgement.difficulty.value,
        "ms": milliseconds(judgement.total_s),
        "primary_use_case": judgement.category,
        "complexity_score": round(judgement.complexity_score, DIGITS),
        "creativity_score": round(judgement.creativity_score, DIGITS),
        "domain_confidence": round(judgement.domain_confidence, DIGITS),
        "ml_confidence": None if judgement.ml_confidence is None else round(judgement.ml_confidence, DIGITS),
        "classification_method": judgement.method.value,
        "category_probabilities": {name: round(share, DIGITS) for name, share in judgement.category_probabilities.items()},
        "b": round(judgement.difficulty_logit, DIGITS),
        "a": round(judgement.discrimination, DIGITS),
        "matched_rules": list(judgement.matched_rules),
        "nearest_examples": [
            {"text": example.text, "category": example.category, "similarity": round(example.similarity, DIGITS)}
            for example in judgement.nearest_examples
        ],
        "skills": {name: round(weight, DIGITS) for name, weight in judgement.skills.items()},
        "unsure": judgement.is_unsure,
        "cache": cache.value,
        "encoder": judgement.encoder,
        "version": judgement.version or None,
        "timings_ms": timings,
    }


def _no_classification() -> ClassificationShape:
    return {
        "category": None,
        "difficulty": None,
        "ms": None,
        "primary_use_case": None,
        "complexity_score": None,
        "creativity_score": None,
        "domain_confidence": None,
        "ml_confidence": None,
        "classification_method": "degraded",
        "category_probabilities": {},
        "b": None,
        "a": None,
        "matched_rules": [],
        "nearest_examples": [],
        "skills": {},
        "unsure": True,
        "cache": "off",
        "encoder": None,
        "version": None,
        "timings_ms": NO_TIMINGS,
    }


def candidate(ranked: RankedCandidate) -> CandidateShape:
    """One model of the ranking."""
    model, terms = ranked.model, ranked.terms
    return {
        "rank": ranked.rank,
        "model": {
            "id": model.id,
            "provider": model.provider.id,
            "display_name": model.display_name,
            "location": model.provider.location.value,
        },
        "score": ranked.score_usd,
        "success_probability": round(ranked.success_probability, DIGITS),
        "expected_cost_usd": usd(ranked.expected_cost_nanousd),
        "expected_latency_ms": milliseconds(ranked.expected_latency_s),
        "expected_output_tokens": ranked.expected_output_token_count,
        "availability": round(ranked.availability, DIGITS),
        "terms": {"value": terms.value_usd, "cost": terms.cost_usd, "latency": terms.latency_usd},
        "sources": dict(ranked.sources),
        "reasons": list(ranked.reasons),
    }


def outcome(
    completion: Completion, *, message: Mapping[str, object], usage: Mapping[str, object], latency_s: float, settled: bool
) -> OutcomeShape:
    """What a completion adds to its decision."""
    routed, last = completion.routed, completion.attempts[-1]
    content = message.get("content")
    return {
        "response": content if isinstance(content, str) else None,
        "selected_model": last.model_id,
        "message": dict(message),
        "finish_reason": completion.done.finish_reason if completion.done is not None else "",
        "usage": dict(usage),
        "cost_usd": usd(completion.cost_nanousd),
        "latency_ms": milliseconds(latency_s),
        "time_to_first_token_ms": None if last.time_to_first_token_s is None else milliseconds(last.time_to_first_token_s),
        "attempts": attempts_of(completion),
        "processed_at": routed.catalog.models[last.model_id].provider.location.value,
        "conversation_id": None,
        "file_processed": None,
        "file_processing_error": None,
        "cause": completion.cause.value,
        "settled": settled,
        "billed_to": last.billed_to.value,
    }


def metadata(completion: Completion, *, settled: bool) -> MetadataShape:
    """`pointsman_metadata` of an OpenAI answer."""
    routed, last = completion.routed, completion.attempts[-1]
    judgement = routed.judgement
    return {
        "request_id": routed.request_id,
        "decision_id": routed.decision_id,
        "model": last.model_id,
        "provider": last.provider_id,
        "policy": routed.decision.policy_label,
        "category": None if judgement is None else judgement.category,
        "difficulty": None if judgement is None else judgement.difficulty.value,
        "confidence": None if judgement is None else round(judgement.domain_confidence, DIGITS),
        "unsure": judgement is None or judgement.is_unsure,
        "cause": completion.cause.value,
        "fallbacks": completion.fallback_count,
        "degraded": list(routed.degraded),
        "catalog_version": routed.decision.catalog_version.number,
        "cost_usd": usd(completion.cost_nanousd),
        "billed_to": last.billed_to.value,
        "settled": settled,
        "attempts": attempts_of(completion),
    }


def attempts_of(completion: Completion) -> list[AttemptShape]:
    """Every call that the request was billed for: of the prompt's judge, where one was asked, then for the answer."""
    judging = [attempt_of(attempt, purpose="judge") for attempt in completion.routed.judge_attempts]
    return [*judging, *(attempt_of(attempt, purpose="answer") for attempt in completion.attempts)]


def attempt_of(attempt: Attempt, *, purpose: str) -> AttemptShape:
    """One provider's call."""
    return {
        "purpose": purpose,
        "model": attempt.model_id,
        "provider": attempt.provider_id,
        "outcome": attempt.failure_reason or attempt.outcome.value,
        "latency_ms": milliseconds(attempt.latency_s),
        "cost_usd": usd(attempt.cost_nanousd),
    }


def usage_of(completion: Completion, given: object = None) -> dict[str, object]:
    """OpenAI's usage object of the call that served, with the cost of every attempt. given: what the provider answered."""
    measured = completion.attempts[-1].usage if completion.attempts else None
    usage = dict(given) if isinstance(given, Mapping) else _usage_object(measured or MeasuredUsage(0, 0))
    return {**usage, "cost": usd(completion.cost_nanousd)}


def _usage_object(usage: MeasuredUsage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.input_token_count,
        "completion_tokens": usage.output_token_count,
        "total_tokens": usage.input_token_count + usage.output_token_count,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_token_count},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_token_count},
    }
