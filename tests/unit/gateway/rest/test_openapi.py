"""The published description: every route has its shape and an example that keeps to it."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from pointsman.gateway.rest.examples import examples
from pointsman.gateway.rest.inference.chat_request import check_chat_request
from pointsman.gateway.rest.inference.route_models import RouteBody, parse
from pointsman.gateway.rest.openapi import ANSWERS
from tests.fakes.gateways import FakeGateway

JSON = "application/json"
# What `/route` generates is its recommendation and more; one example shows enough.
WITHOUT_EXAMPLE = {"GenerationShape"}


async def described() -> dict[str, Any]:
    async with FakeGateway().client() as client:
        schema: dict[str, Any] = (await client.get("/openapi.json")).json()
    return schema


@pytest.mark.parametrize("shape", [shape for shape in ANSWERS if shape.__name__ not in WITHOUT_EXAMPLE], ids=lambda shape: shape.__name__)
def test_an_example_has_every_field_of_its_shape_and_no_other(shape: Any) -> None:
    keys = examples()[shape.__name__].keys()
    assert keys == set(shape.__annotations__)
    TypeAdapter(shape).validate_python(examples()[shape.__name__])


def test_examples_of_bodies_are_taken() -> None:
    parse(RouteBody, examples()["RouteBody"])
    check_chat_request(examples()["ChatRequest"])


async def test_every_route_shows_its_shape_and_an_example() -> None:
    schema = await described()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            answer = operation["responses"]["200"]["content"][JSON]
            assert answer["schema"], path
            assert answer["example"], path
            assert operation["description"], path
            if method == "post":
                assert operation["requestBody"]["content"][JSON]["example"], path


async def test_every_shape_that_is_named_is_there() -> None:
    schema = await described()
    named = {part.split('"')[0] for part in json.dumps(schema).split("#/components/schemas/")[1:]}
    assert named <= set(schema["components"]["schemas"])


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/metrics/models", ["time_range"]),
        ("/metrics/{model_id}", ["model_id", "time_range"]),
        ("/v1/metrics", ["time_range", "model", "group_by"]),
        ("/v1/usage", ["group_by", "from", "to"]),
        ("/v1/decisions", ["limit", "cursor", "request_id", "project"]),
        ("/route", ["x-request-timeout", "x-openai-api-key"]),
        ("/v1/chat/completions", ["x-request-timeout", "x-openai-api-key", "x-pointsman-metadata"]),
    ],
)
async def test_parameters_are_described(path: str, names: list[str]) -> None:
    (operation,) = (await described())["paths"][path].values()
    parameters = operation["parameters"]
    assert sorted(parameter["name"] for parameter in parameters) == sorted(names)
    assert all(parameter["description"] for parameter in parameters if parameter["in"] != "path")


def test_examples_hold_nothing_of_the_machine_that_made_them() -> None:
    text = json.dumps(examples())
    assert not any(word in text for word in ("/tmp", "/work", "/home", "127.0.0.1", "sk-"))


async def test_the_page_for_people_shows_parameters_and_examples_as_text() -> None:
    async with FakeGateway().client() as client:
        page = (await client.get("/docs")).text
    for part in ("GET /metrics/{model_id}", "<code>time_range</code>", "Example of its body", "Example of its answer", "chatcmpl-"):
        assert part in page
    assert "<script" not in page
