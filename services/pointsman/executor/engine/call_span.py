"""The span of a call to a provider, by OpenTelemetry's conventions for generative AI.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans. It ends here: no traceparent goes to a provider, whom our ids
do not concern.
"""

from pointsman.executor.core.catalog import Model
from pointsman.executor.core.completion import Attempt
from pointsman.executor.engine.metrics import CHAT, error_type_of
from pointsman.kit.tracing import Attributes, AttributeValue, Span


def span_name(model: Model) -> str:
    """The span's name."""
    return f"{CHAT} {model.id}"


def attributes_of(model: Model, server_address: str | None, *, stream: bool) -> Attributes:
    """What is known before the call. server_address: the host alone, without path and query."""
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": CHAT,
        "gen_ai.provider.name": model.provider_id,
        "gen_ai.request.model": model.id,
        "gen_ai.request.stream": stream,
    }
    if server_address is not None:
        attributes["server.address"] = server_address
    return attributes


def note_attempt(span: Span, attempt: Attempt) -> None:
    """Note how the call ended."""
    span.set_attribute("pointsman.attempt.number", attempt.number)
    if attempt.usage is not None:
        span.set_attribute("gen_ai.usage.input_tokens", attempt.usage.input_token_count)
        span.set_attribute("gen_ai.usage.output_tokens", attempt.usage.output_token_count)
    if attempt.time_to_first_token_s is not None:
        span.set_attribute("gen_ai.response.time_to_first_chunk", attempt.time_to_first_token_s)
    if attempt.provider_status_code is not None:
        span.set_attribute("http.response.status_code", attempt.provider_status_code)
    if error_type := error_type_of(attempt):
        span.fail(error_type)
