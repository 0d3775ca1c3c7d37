"""What the gateway publishes of its bodies and answers."""

from typing import Any

from pointsman.gateway.rest.examples import examples
from pointsman.gateway.rest.feedback.feedback_body import FeedbackBody, FeedbackShape
from pointsman.gateway.rest.inference.answer_shapes import DecisionShape, GenerationShape, RecommendationShape
from pointsman.gateway.rest.inference.route_models import ExtensionBody, RouteBody
from pointsman.gateway.rest.reports.health_shapes import HealthShape
from pointsman.gateway.rest.reports.model_list import ModelListShape, ModelShape
from pointsman.gateway.rest.reports.report_shapes import (
    DecisionListShape,
    MetricsShape,
    ModelMetricsListShape,
    OneModelMetricsShape,
    ProviderListShape,
    RootShape,
    UsageShape,
)
from pointsman.kit.json_body import JSON_MEDIA_TYPE
from pointsman.kit.openapi import REFERENCE, Schemas, answer_of, body_of, schemas_of

BODIES = (RouteBody, ExtensionBody, FeedbackBody)
ANSWERS = (
    RecommendationShape, GenerationShape, DecisionShape, ModelListShape, ModelShape, RootShape, HealthShape, ModelMetricsListShape,
    OneModelMetricsShape, MetricsShape, UsageShape, DecisionListShape, ProviderListShape, FeedbackShape,
)  # fmt: skip


def schemas() -> Schemas:
    """Schemas of all bodies and answers, by name."""
    return {**schemas_of(bodies=BODIES, answers=ANSWERS), "ChatRequest": chat_request_schema()}


def body_with(schema: str, *headers: dict[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route with a JSON body, with an example, that takes these headers."""
    extra = {**body_of(schema), "parameters": [*headers]}
    extra["requestBody"]["content"][JSON_MEDIA_TYPE]["example"] = examples()[schema]
    return extra


def answer_with(description: str, *shapes: str, example: str | None = None, streams: bool = False) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route. shapes: what it may answer; none: an object as others define it. example: where it is not the first's."""
    responses = answer_of(description, *shapes, streams=streams)
    responses[200]["content"][JSON_MEDIA_TYPE]["example"] = examples()[example or shapes[0]]
    return responses


def parameter(name: str, description: str, *, enum: list[str] | None = None) -> dict[str, Any]:
    """A parameter in the address, which may be left out."""
    schema: dict[str, Any] = {"type": "string"} if enum is None else {"type": "string", "enum": enum}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def header(name: str, description: str) -> dict[str, Any]:
    """A header, which may be left out."""
    return {**parameter(name, description), "in": "header"}


def chat_request_schema() -> dict[str, Any]:
    """OpenAI's chat completions body, as far as the gateway reads it; other fields pass through."""
    return {
        "type": "object",
        "required": ["messages"],
        "additionalProperties": True,
        "properties": {
            "model": {"type": "string", "description": "auto, auto:<policy>, pointsman/auto, agent:<name>, or a concrete model"},
            "models": {"type": "array", "items": {"type": "string"}, "description": "Models in order: no ranking"},
            "messages": {"type": "array", "minItems": 1, "maxItems": 2048, "items": {"type": "object"}},
            "stream": {"type": "boolean"},
            "n": {"type": "integer", "minimum": 1, "maximum": 8},
            "max_tokens": {"type": "integer", "minimum": 1},
            "max_completion_tokens": {"type": "integer", "minimum": 1},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            "pointsman": {"$ref": REFERENCE.format(model="ExtensionBody")},
        },
    }
