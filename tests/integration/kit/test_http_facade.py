import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from fastapi import APIRouter
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from pointsman.kit.errors import NotFound
from pointsman.kit.http_access import ServiceAccess
from pointsman.kit.http_facade import facade_app, serve_facade
from pointsman.kit.json_body import read_object
from pointsman.kit.json_loader import dump_json
from pointsman.kit.probes import serve_probes
from pointsman.kit.telemetry import Telemetry, silent_telemetry
from tests.integration.kit.echo import capturing_log

TOKEN = "pm-service-canary"  # no real one
SHOWN = {"authorization": f"Bearer {TOKEN}"}


class Readiness:
    is_ready = True


def echo_router() -> APIRouter:
    router = APIRouter()

    @router.post("/echo/{name}")
    async def echo(name: str, request: Request) -> Response:
        """Say it again."""
        return Response(dump_json({"name": name, "body": await read_object(request)}), media_type="application/json")

    @router.get("/echo/{name}")
    async def find(name: str) -> Response:
        raise NotFound("not_found", "no such echo")

    @router.get("/number/{number}")
    async def count(number: int) -> Response:
        return Response(dump_json(number))

    return router


@asynccontextmanager
async def serve_echo_facade(
    *, token: str | None = None, bound_to: str = "127.0.0.1", readiness: Readiness | None = None, telemetry: Telemetry | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    """bound_to: what the facade is told that it listens on."""
    telemetry, readiness = telemetry or silent_telemetry("echo"), readiness or Readiness()
    access = ServiceAccess(bound_to, SecretStr(token) if token else None)
    app = facade_app(
        title="Echo", version="1", description="Says it again.", telemetry=telemetry, access=access, is_ready=lambda: readiness.is_ready
    )
    app.include_router(echo_router())
    async with (
        serve_facade(app, host="127.0.0.1", port=0, drain_s=1, telemetry=telemetry, log=capturing_log()[0]) as server,
        aiohttp.ClientSession(f"http://{server.address}") as client,
    ):
        yield client


@dataclass(frozen=True)
class Answer:
    """What a client sees."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str | None:
        code: str | None = self.json["error"]["code"]
        return code


async def ask(client: aiohttp.ClientSession, path: str, *, method: str = "GET", **options: Any) -> Answer:
    async with client.request(method, path, **options) as answer:
        return Answer(answer.status, answer.headers, await answer.text())


async def test_a_facade_answers_with_strict_json() -> None:
    async with serve_echo_facade() as client:
        answer = await ask(client, "/echo/a", method="POST", json={"x": 1})
        assert (answer.status, answer.json) == (200, {"name": "a", "body": {"x": 1}})
        headers = {"content-type": "application/json"}
        twice = await ask(client, "/echo/a", method="POST", data=b'{"x":1,"x":2}', headers=headers)
        assert (twice.status, twice.code) == (400, "invalid_json")
        text = await ask(client, "/echo/a", method="POST", data=b"{}", headers={"content-type": "text/plain"})
        assert (text.status, text.code) == (415, "unsupported_media_type")


async def test_health_is_open_and_readiness_follows_the_service() -> None:
    readiness = Readiness()
    async with serve_echo_facade(token=TOKEN, bound_to="0.0.0.0", readiness=readiness) as client:
        for path, body in {"/livez": {"ok": True}, "/readyz": {"ok": True}, "/healthz": {"ok": True}, "/health": {"status": "ok"}}.items():
            answer = await ask(client, path)
            assert (answer.status, answer.json) == (200, body)
        readiness.is_ready = False
        assert (await ask(client, "/readyz")).status == 503
        assert (await ask(client, "/livez")).status == 200


@pytest.mark.parametrize("path", ["/echo/a", "/metrics", "/docs", "/openapi.json"])
async def test_off_loopback_everything_but_health_wants_the_service_token(path: str) -> None:
    async with serve_echo_facade(token=TOKEN, bound_to="0.0.0.0") as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}):
            answer = await ask(client, path, headers=headers)
            assert (answer.status, answer.code) == (401, "invalid_api_key")
            assert TOKEN not in answer.text
        assert (await ask(client, path, headers=SHOWN)).status in {200, 404}


async def test_on_loopback_metrics_are_open_and_work_wants_the_token_where_there_is_one() -> None:
    async with serve_echo_facade(token=TOKEN) as client:
        assert (await ask(client, "/metrics")).status == 200
        assert (await ask(client, "/docs")).status == 200
        assert (await ask(client, "/echo/a")).status == 401
        assert (await ask(client, "/echo/a", headers=SHOWN)).status == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:1", 404), ("127.0.0.1", 404), ("[::1]:80", 404), ("evil.example", 400), ("127.0.0.1.evil.example", 400), ("", 400)],
)
async def test_a_page_that_rebinds_its_name_does_not_reach_an_open_facade(host: str, status: int) -> None:
    async with serve_echo_facade() as client:
        answer = await ask(client, "/echo/a", headers={"host": host})
        assert (answer.status, answer.code) == (status, "not_found" if status == 404 else "unknown_host")


async def test_errors_have_one_shape_whoever_raised_them() -> None:
    refusals = [("/nowhere", 404, "route_not_found"), ("/echo/a", 404, "not_found"), ("/number/x", 400, "invalid_value")]
    async with serve_echo_facade() as client:
        for path, status, code in refusals:
            answer = await ask(client, path)
            assert (answer.status, answer.code) == (status, code)
            assert answer.headers["x-request-id"]


async def test_a_method_that_is_not_taken_is_told_which_are() -> None:
    async with serve_echo_facade() as client:
        answer = await ask(client, "/echo/a", method="DELETE")
        assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method_not_allowed", "GET, POST")
        assert (await ask(client, "/health", method="POST")).headers["allow"] == "GET, HEAD"


async def test_the_description_names_the_routes_and_needs_nothing_from_elsewhere() -> None:
    async with serve_echo_facade() as client:
        schema = (await ask(client, "/openapi.json")).json
        assert set(schema["paths"]) == {"/echo/{name}", "/number/{number}"}
        assert "ErrorShape" in schema["components"]["schemas"]
        page = (await ask(client, "/docs")).text
        assert "POST /echo/{name}" in page
        assert "<script" not in page


async def test_requests_are_counted_by_their_route() -> None:
    telemetry = silent_telemetry("echo")
    async with serve_echo_facade(telemetry=telemetry) as client:
        await ask(client, "/echo/canary", method="POST", json={})
        text = (await ask(client, "/metrics")).text
    labels = 'http_request_method="POST",http_response_status_code="200",http_route="/echo/{name}"'
    assert f"http_server_request_duration_seconds_count{{{labels}}} 1.0" in text
    assert "canary" not in text


@pytest.mark.parametrize("path", ["/livez", "/health", "/metrics", "/openapi.json"])
async def test_plain_routes_are_counted_by_their_route_too(path: str) -> None:
    telemetry = silent_telemetry("echo")
    async with serve_echo_facade(telemetry=telemetry) as client:
        await ask(client, path)
        await ask(client, path, method="POST")
    for method, status in (("GET", "200"), ("POST", "405")):
        labels = {"http_request_method": method, "http_response_status_code": status, "http_route": path}
        assert telemetry.registry.get_sample_value("http_server_request_duration_seconds_count", labels) == 1


async def test_a_service_without_a_facade_has_probes() -> None:
    telemetry, readiness = silent_telemetry("probed"), Readiness()
    serving = serve_probes(
        host="127.0.0.1", port=0, telemetry=telemetry, is_ready=lambda: readiness.is_ready, service_token=None, log=capturing_log()[0]
    )
    async with serving as address, aiohttp.ClientSession(f"http://{address}") as client:
        assert [(await ask(client, path)).status for path in ("/livez", "/readyz", "/metrics", "/nowhere")] == [200, 200, 200, 404]
        assert (await ask(client, "/metrics", method="POST")).headers["allow"] == "GET, HEAD"
        readiness.is_ready = False
        not_ready = await ask(client, "/readyz")
        assert (not_ready.status, not_ready.code) == (503, "dependency_down")
