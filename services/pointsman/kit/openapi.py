"""The published description of an HTTP API, and a page that shows it without fetching anything from elsewhere."""

import html
import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema
from typing_extensions import TypedDict

from pointsman.kit.json_body import JSON_MEDIA_TYPE

REFERENCE = "#/components/schemas/{model}"

Schemas = dict[str, Any]
Shapes = list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]]


class ErrorDetailShape(TypedDict):
    """Why a request was not answered."""

    message: str
    type: str
    param: str | None
    code: str
    source: str
    provider: str | None


class ErrorShape(TypedDict):
    """Every error's body."""

    error: ErrorDetailShape


def schemas_of(*, bodies: Sequence[type[BaseModel]] = (), answers: Sequence[type] = ()) -> Schemas:
    """Schemas of an API's bodies and answers by name, the errors' among them. answers: typed dictionaries."""
    _, read = models_json_schema([(body, "validation") for body in bodies], ref_template=REFERENCE)
    shapes: Shapes = [(shape.__name__, "serialization", TypeAdapter(shape)) for shape in (*answers, ErrorShape)]
    _, written = TypeAdapter.json_schemas(shapes, ref_template=REFERENCE)
    return {**read.get("$defs", {}), **written["$defs"]}


def body_of(schema: str) -> dict[str, Any]:
    """`openapi_extra` of a route with a JSON body."""
    return {"requestBody": {"required": True, "content": {JSON_MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model=schema)}}}}}


def answer_of(description: str, *schemas: str, streams: bool = False) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: its answer, and the error that every route can give."""
    references = [{"$ref": REFERENCE.format(model=schema)} for schema in schemas] or [{"type": "object"}]
    content: dict[str, Any] = {JSON_MEDIA_TYPE: {"schema": references[0] if len(references) == 1 else {"anyOf": references}}}
    if streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    error = {"description": "Why not", "content": {JSON_MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model=ErrorShape.__name__)}}}}
    return {200: {"description": description, "content": content}, "4XX": error, "5XX": error}


def docs_page(schema: dict[str, Any]) -> str:
    """The description for people, as plain HTML."""
    title = _text(schema["info"]["title"])
    parts = [f"<h1>{title} {_text(schema['info']['version'])}</h1>"]
    parts.append(f"<p>{_text(schema['info'].get('description', ''))} <a href='/openapi.json'>openapi.json</a></p>")
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {_text(path)}</code></h2><p>{_text(operation.get('description', ''))}</p>")
            parts += _details_of(operation)
    parts.append("<h1>Shapes</h1>")
    for name, shape in schema["components"]["schemas"].items():
        parts.append(f"<details><summary><code>{_text(name)}</code></summary><pre>{_text(json.dumps(shape, indent=2))}</pre></details>")
    style = "body{font:16px sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{background:#8881;padding:1rem;overflow:auto}"
    return f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title} API</title><style>{style}</style>{''.join(parts)}</html>"


def _details_of(operation: dict[str, Any]) -> list[str]:
    """The parameters of a route, and the examples of its body and its answer."""
    rows = [f"<li><code>{_text(each['name'])}</code> {_text(each.get('description', ''))}" for each in operation.get("parameters", ())]
    parts = [f"<ul>{''.join(rows)}</ul>"] if rows else []
    places = {"body": operation.get("requestBody", {}), "answer": operation.get("responses", {}).get("200", {})}
    for name, place in places.items():
        example = place.get("content", {}).get(JSON_MEDIA_TYPE, {}).get("example")
        if example is not None:
            parts.append(f"<details><summary>Example of its {name}</summary><pre>{_text(json.dumps(example, indent=2))}</pre></details>")
    return parts


def _text(value: object) -> str:
    return html.escape(str(value))
