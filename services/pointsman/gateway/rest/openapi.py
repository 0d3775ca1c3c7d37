"""What the gateway publishes of its bodies and answers."""

from typing import Any

from pointsman.gateway.rest.answer_shapes import DecisionShape, GenerationShape, RecommendationShape
from pointsman.gateway.rest.models_endpoint import ModelListShape, ModelShape
from pointsman.gateway.rest.route_models import ExtensionBody, RouteBody
from pointsman.kit.openapi import REFERENCE, Schemas, schemas_of

BODIES = (RouteBody, ExtensionBody)
ANSWERS = (RecommendationShape, GenerationShape, DecisionShape, ModelListShape, ModelShape)


def schemas() -> Schemas:
    """Schemas of all bodies and answers, by name."""
    return {**schemas_of(bodies=BODIES, answers=ANSWERS), "ChatRequest": chat_request_schema()}


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
