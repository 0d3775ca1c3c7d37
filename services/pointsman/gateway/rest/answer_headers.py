"""Headers that tell how an answer came to be."""

from collections.abc import Mapping, Sequence

from pointsman.gateway.core.money import format_usd
from pointsman.gateway.core.routing import Cause
from pointsman.gateway.engine.completion import Completion
from pointsman.gateway.engine.routing import Routed
from pointsman.gateway.ports import Attempt

PREFIX = "x-pointsman-"
OVERHEAD = f"{PREFIX}overhead-ms"
MS_PER_S = 1_000.0
Headers = dict[str, str]


def decision_headers(routed: Routed) -> Headers:
    """Of a decision from which nothing has come yet: they go with an error."""
    return _headers(routed, served_by={}, cause=routed.decision.cause, fallback_count=0)


def recommendation_headers(routed: Routed, *, overhead_s: float) -> Headers:
    """Of a decision that was not run, and of one that was before it has given anything."""
    first = routed.decision.ranking[0].model
    served_by = {"model": first.id, "provider": first.provider.id}
    headers = _headers(routed, served_by=served_by, cause=routed.decision.cause, fallback_count=0)
    return {**headers, OVERHEAD: overhead_text(overhead_s)}


def stream_headers(completion: Completion, *, overhead_s: float, provisional: bool) -> Headers:
    """Of a stream: true where content has come, else the plan, and said to be."""
    if provisional:
        return {**recommendation_headers(completion.routed, overhead_s=overhead_s), f"{PREFIX}provisional": "true"}
    if completion.served is None:
        return recommendation_headers(completion.routed, overhead_s=overhead_s)
    return {**_completion_headers(completion), OVERHEAD: overhead_text(overhead_s)}


def completion_headers(completion: Completion, *, elapsed_s: float) -> Headers:
    """Of a whole answer, and of a failure. elapsed_s: since the request came; what the providers took of it is not overhead."""
    overhead_s = max(0.0, elapsed_s - provider_time_s(completion.attempts) - completion.routed.judge_s)
    headers = {**_completion_headers(completion), OVERHEAD: overhead_text(overhead_s)}
    if (cost := completion.cost_nanousd) is not None:
        headers[f"{PREFIX}cost-usd"] = format_usd(cost).removeprefix("$")
    return headers


def provider_time_s(attempts: Sequence[Attempt]) -> float:
    """From the start of the first call to the end of the last, what was waited between them included."""
    return attempts[-1].start_time_s + attempts[-1].latency_s - attempts[0].start_time_s if attempts else 0.0


def _completion_headers(completion: Completion) -> Headers:
    """Without a call there is neither model nor provider to name."""
    served = completion.served
    served_by = {} if served is None else {"model": served.model_id, "provider": served.provider_id}
    return _headers(completion.routed, served_by=served_by, cause=completion.cause, fallback_count=completion.fallback_count)


def _headers(routed: Routed, *, served_by: Mapping[str, str], cause: Cause, fallback_count: int) -> Headers:
    judgement = routed.judgement
    headers = {
        "decision-id": routed.decision_id,
        **served_by,
        "policy": routed.decision.policy_label,
        "cause": cause.value,
        "fallbacks": str(fallback_count),
        "cache": routed.cache.value,
    }
    if judgement is not None:
        headers |= {"category": judgement.category, "confidence": f"{judgement.domain_confidence:.4f}"}
    if routed.degraded:
        headers["degraded"] = ",".join(routed.degraded)
    return {f"{PREFIX}{name}": header_text(value) for name, value in headers.items()}


def overhead_text(overhead_s: float) -> str:
    """Our own share of the time, in milliseconds."""
    return f"{overhead_s * MS_PER_S:.2f}"


def header_text(value: str) -> str:
    """What a header can carry: names of the catalogue may be in any script."""
    return value.encode("ascii", "backslashreplace").decode() if value.isprintable() else "unprintable"


def asgi_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI takes them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
