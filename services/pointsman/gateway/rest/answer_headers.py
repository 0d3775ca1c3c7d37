"""Headers that tell how an answer came to be."""

from collections.abc import Mapping

from pointsman.gateway.core.money import format_usd
from pointsman.gateway.core.routing import Cause
from pointsman.gateway.engine.completing import Completion
from pointsman.gateway.engine.routing import Routed

PREFIX = "x-pointsman-"
Headers = dict[str, str]


def recommendation_headers(routed: Routed, *, overhead_s: float) -> Headers:
    """Of a decision that was not run, and of one that was before it has given anything."""
    first = routed.decision.ranking[0].model
    return _headers(
        routed, model_id=first.id, provider_id=first.provider.id, cause=routed.decision.cause, fallback_count=0, overhead_s=overhead_s
    )


def stream_headers(completion: Completion, *, overhead_s: float, provisional: bool) -> Headers:
    """Of a stream: true where content has come, else the plan, and said to be."""
    if provisional:
        return {**recommendation_headers(completion.routed, overhead_s=overhead_s), f"{PREFIX}provisional": "true"}
    served = completion.served
    if served is None:
        return recommendation_headers(completion.routed, overhead_s=overhead_s)
    return _headers(
        completion.routed,
        model_id=served.model_id,
        provider_id=served.provider_id,
        cause=completion.cause,
        fallback_count=completion.fallback_count,
        overhead_s=overhead_s,
    )


def completion_headers(completion: Completion, *, elapsed_s: float) -> Headers:
    """Of a whole answer. elapsed_s: since the request came; what the providers took of it is not overhead."""
    provider_s = sum(attempt.latency_s for attempt in completion.attempts)
    headers = stream_headers(completion, overhead_s=max(0.0, elapsed_s - provider_s), provisional=False)
    if (cost := completion.cost_nanousd) is not None:
        headers[f"{PREFIX}cost-usd"] = format_usd(cost).removeprefix("$")
    return headers


def _headers(routed: Routed, *, model_id: str, provider_id: str, cause: Cause, fallback_count: int, overhead_s: float) -> Headers:
    judgement = routed.judgement
    headers = {
        "decision-id": routed.decision_id,
        "model": model_id,
        "provider": provider_id,
        "policy": routed.decision.policy_label,
        "cause": cause.value,
        "fallbacks": str(fallback_count),
        "cache": "off",
        "overhead-ms": f"{overhead_s * 1_000:.2f}",
    }
    if judgement is not None:
        headers |= {"category": judgement.category, "confidence": f"{judgement.domain_confidence:.4f}"}
    if routed.degraded:
        headers["degraded"] = ",".join(routed.degraded)
    return {f"{PREFIX}{name}": header_text(value) for name, value in headers.items()}


def header_text(value: str) -> str:
    """What a header can carry: names of the catalogue may be in any script."""
    return value.encode("ascii", "backslashreplace").decode() if value.isprintable() else "unprintable"


def asgi_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI takes them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
