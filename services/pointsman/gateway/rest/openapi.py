"""The published description of the API, and a page that shows it without fetching anything from elsewhere."""

import html
import json
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from pointsman.gateway.rest.answer_shapes import DecisionShape, ErrorShape, GenerationShape, RecommendationShape
from pointsman.gateway.rest.json_body import JSON_MEDIA_TYPE
from pointsman.gateway.rest.models_endpoint import ModelListShape, ModelShape
from pointsman.gateway.rest.route_models import ExtensionBody, RouteBody

REFERENCE = "#/components/schemas/{model}"
ANSWER_SHAPES = (RecommendationShape, GenerationShape, DecisionShape, ModelListShape, ModelShape, ErrorShape)

Shapes = list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]]


def components() -> dict[str, Any]:
    """Schemas of all bodies and answers, by name."""
    _, bodies = models_json_schema([(RouteBody, "validation"), (ExtensionBody, "validation")], ref_template=REFERENCE)
    shapes: Shapes = [(shape.__name__, "serialization", TypeAdapter(shape)) for shape in ANSWER_SHAPES]
    _, answers = TypeAdapter.json_schemas(shapes, ref_template=REFERENCE)
    return {**bodies["$defs"], **answers["$defs"], "ChatRequest": chat_request_schema()}


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


def body_of(schema: str) -> dict[str, Any]:
    """`openapi_extra` of a route with a JSON body."""
    return {"requestBody": {"required": True, "content": {JSON_MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model=schema)}}}}}


def answer_of(description: str, *schemas: str, streams: bool = False) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: its answer, and the error that every route can give."""
    references = [{"$ref": REFERENCE.format(model=schema)} for schema in schemas] or [{"type": "object"}]
    content: dict[str, Any] = {JSON_MEDIA_TYPE: {"schema": references[0] if len(references) == 1 else {"anyOf": references}}}
    if streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    error = {"description": "Why not", "content": {JSON_MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ErrorShape")}}}}
    return {200: {"description": description, "content": content}, "4XX": error, "5XX": error}


def docs_page(schema: dict[str, Any]) -> str:
    """The description for people, as plain HTML."""
    parts = [f"<h1>{_text(schema['info']['title'])} {_text(schema['info']['version'])}</h1>"]
    parts.append(f"<p>{_text(schema['info'].get('description', ''))} <a href='/openapi.json'>openapi.json</a></p>")
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {_text(path)}</code></h2><p>{_text(operation.get('description', ''))}</p>")
    parts.append("<h1>Shapes</h1>")
    for name, shape in schema["components"]["schemas"].items():
        parts.append(f"<details><summary><code>{_text(name)}</code></summary><pre>{_text(json.dumps(shape, indent=2))}</pre></details>")
    style = "body{font:16px sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{background:#8881;padding:1rem;overflow:auto}"
    return f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Pointsman API</title><style>{style}</style>{''.join(parts)}</html>"


def _text(value: object) -> str:
    return html.escape(str(value))
