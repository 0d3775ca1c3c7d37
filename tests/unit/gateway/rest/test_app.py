"""The application at its edge: who is let in, what is where, and how errors look."""

from typing import Any

import pytest

from pointsman.gateway.engine.world import World
from pointsman.gateway.settings import GatewaySettings
from tests.fakes.gateways import FakeGateway

KEY = "pm-ops-0123456789abcdef"
OTHER_KEY = "pm-ops-fedcba9876543210"
ASK: dict[str, Any] = {"prompt": "hello", "mode": "recommend"}
HEALTH = {"/livez": {"ok": True}, "/readyz": {"ok": True}, "/healthz": {"ok": True}, "/health": {"status": "ok"}}


@pytest.mark.parametrize(("path", "body"), HEALTH.items(), ids=HEALTH)
async def test_health_is_open_under_any_name_and_says_nothing_else(path: str, body: dict[str, Any]) -> None:
    async with FakeGateway(admin_key=KEY).client() as client:
        answer = await client.get(path, headers={"host": "10.1.2.3"})
    assert (answer.status_code, answer.json()) == (200, body)


async def test_without_a_catalogue_it_lives_but_is_not_ready() -> None:
    async with FakeGateway(world=World()).client() as client:
        live, ready, routed = await client.get("/livez"), await client.get("/readyz"), await client.post("/route", json=ASK)
    assert (live.status_code, ready.status_code) == (200, 503)
    assert (routed.status_code, routed.json()["error"]["code"]) == (503, "dependency_down")
    assert routed.headers["retry-after"] == "1"


async def test_while_draining_it_is_not_ready_and_answers_what_still_comes() -> None:
    gateway = FakeGateway()
    gateway.world.is_draining = True
    async with gateway.client() as client:
        answer, live, routed = await client.get("/readyz"), await client.get("/livez"), await client.post("/route", json=ASK)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "shutting_down")
    assert (live.status_code, routed.status_code) == (200, 200)


CREDENTIALS: list[tuple[str, list[tuple[str, str]], int, str | None]] = [
    ("none", [], 401, "invalid_api_key"),
    ("bearer", [("authorization", f"Bearer {KEY}")], 200, None),
    ("bearer in lower case", [("authorization", f"bearer {KEY}")], 200, None),
    ("x-api-key", [("x-api-key", KEY)], 200, None),
    ("api-key", [("api-key", KEY)], 200, None),
    ("same twice", [("authorization", f"Bearer {KEY}"), ("x-api-key", KEY)], 200, None),
    ("different", [("authorization", f"Bearer {KEY}"), ("x-api-key", OTHER_KEY)], 400, "conflicting_credentials"),
    (
        "two headers that differ",
        [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {OTHER_KEY}")],
        400,
        "conflicting_credentials",
    ),
    ("wrong", [("authorization", f"Bearer {OTHER_KEY}")], 401, "invalid_api_key"),
    ("prefix", [("authorization", f"Bearer {KEY[:-1]}")], 401, "invalid_api_key"),
    ("basic", [("authorization", "Basic eDp5")], 401, "invalid_api_key"),
    ("bare scheme", [("authorization", "Bearer")], 401, "invalid_api_key"),
    ("injection", [("authorization", "Bearer ' OR 1=1 --")], 401, "invalid_api_key"),
    ("long", [("authorization", f"Bearer {'k' * 5_000}")], 401, "invalid_api_key"),
]


@pytest.mark.parametrize(("headers", "status", "code"), [case[1:] for case in CREDENTIALS], ids=[case[0] for case in CREDENTIALS])
async def test_a_key_is_asked_for_in_every_header_alike(headers: list[tuple[str, str]], status: int, code: str | None) -> None:
    async with FakeGateway(admin_key=KEY).client() as client:
        answer = await client.post("/route", json=ASK, headers=headers)
    assert answer.status_code == status
    assert answer.json().get("error", {}).get("code") == code
    assert KEY not in answer.text


PATHS = {
    "/", "/models", "/v1/models", "/v1/models/{model_id}", "/v1/health", "/v1/providers", "/metrics/models", "/metrics/{model_id}",
    "/v1/metrics", "/v1/usage", "/v1/decisions", "/v1/decisions/{decision_id}", "/v1/feedback", "/route", "/v1/chat/completions",
}  # fmt: skip
READERS = ("/docs", "/openapi.json", "/metrics")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # what it is bound to
async def test_every_route_but_health_asks_for_the_key_and_descriptions_where_others_can_reach_them(host: str) -> None:
    gateway = FakeGateway(admin_key=KEY, settings=GatewaySettings(host=host))
    async with gateway.client() as client:
        schema = (await client.get("/openapi.json", headers={"x-api-key": KEY})).json()
        places = [(method, path) for path, methods in schema["paths"].items() for method in methods]
        statuses = {(await client.request(*place)).status_code for place in places}
        read = {path: (await client.get(path)).status_code for path in READERS}
        shown = {path: (await client.get(path, headers={"x-api-key": KEY})).status_code for path in READERS}
    assert {path for _, path in places} == PATHS
    assert statuses == {401}
    assert set(read.values()) == ({200} if host == "127.0.0.1" else {401})
    assert set(shown.values()) == {200}


@pytest.mark.parametrize("given", ["Bearer anything", f"Bearer {KEY}"])
async def test_without_a_key_of_ours_any_well_formed_one_is_ignored(given: str) -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/route", json=ASK, headers={"authorization": given})
    assert answer.status_code == 200


@pytest.mark.parametrize("query", [f"api_key={KEY}", f"key={KEY}", f"Token={KEY}"])
async def test_a_key_in_the_address_is_refused(query: str) -> None:
    async with FakeGateway(admin_key=KEY).client() as client:
        answer = await client.post(f"/route?{query}", json=ASK, headers={"authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("host", "status"),
    [  # the names, then those that are none
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:9", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("x/admin?", 400),
        ("", 400),
    ],
)
async def test_only_its_own_names_are_answered(host: str, status: int) -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/route", json=ASK, headers={"host": host, "x-forwarded-host": "localhost"})
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["code"] == "unknown_host"


BODIES: list[tuple[str, bytes, str, int, str]] = [
    ("none", b"", "application/json", 400, "invalid_json"),
    ("none and no type", b"", "", 400, "invalid_json"),
    ("null", b"null", "application/json", 400, "invalid_value"),
    ("list", b"[]", "application/json", 400, "invalid_value"),
    ("text", b'"x"', "application/json", 400, "invalid_value"),
    ("truncated", b'{"prompt": "canary', "application/json", 400, "invalid_json"),
    ("form", b"prompt=canary", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ("charset", b'{"prompt": "a", "mode": "recommend"}', "application/json; charset=utf-8", 200, ""),
    ("both prompts", b'{"prompt": "a", "messages": []}', "application/json", 400, "invalid_value"),
    ("no prompt", b"{}", "application/json", 400, "invalid_value"),
    ("streamed recommendation", b'{"prompt": "a", "mode": "recommend", "stream": true}', "application/json", 400, "invalid_value"),
    ("override without decision", b'{"prompt": "a", "override_model": "small"}', "application/json", 400, "invalid_value"),
    ("decision and model", b'{"prompt": "a", "decision_id": "dec_x", "model": "small"}', "application/json", 400, "invalid_value"),
    ("unknown decision", b'{"prompt": "a", "decision_id": "dec_x"}', "application/json", 404, "decision_not_found"),
    ("unknown model", b'{"prompt": "a", "model": "no-such"}', "application/json", 404, "model_not_found"),
    ("unknown agent", b'{"prompt": "a", "model": "agent:none"}', "application/json", 404, "model_not_found"),
    ("virtual name in a list", b'{"prompt": "a", "models": ["auto"]}', "application/json", 404, "model_not_found"),
    ("unknown policy", b'{"prompt": "a", "policy": "canary"}', "application/json", 400, "invalid_value"),
    ("nobody left", b'{"prompt": "a", "constraints": {"models": ["none*"]}}', "application/json", 400, "no_candidate"),
]


@pytest.mark.parametrize(("body", "media_type", "status", "code"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
async def test_route_refuses_with_its_code_and_no_echo(body: bytes, media_type: str, status: int, code: str) -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/route", content=body, headers={"content-type": media_type} if media_type else {})
    assert answer.status_code == status
    if code:
        error = answer.json()["error"]
        assert error["code"] == code
        assert error.keys() == {"message", "type", "param", "code", "source", "provider"}
        assert answer.headers["x-should-retry"] == "false"
    assert "canary" not in answer.text


@pytest.mark.parametrize("seconds", ["-1", "0", "0.99", "600.1", "nan", "inf", "1e12", "1e1", "1_0", "0x10", "+5", "soon", "", "5,6"])
async def test_a_deadline_outside_its_bounds_is_refused_not_clamped(seconds: str) -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/route", json=ASK, headers={"x-request-timeout": seconds})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "x-request-timeout")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "route_not_found"),
        ("GET", "/route", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
    ],
)
async def test_the_frameworks_own_errors_have_our_shape(method: str, path: str, status: int, code: str) -> None:
    async with FakeGateway().client() as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_bug_is_internal_and_tells_the_request_id_alone() -> None:
    gateway = FakeGateway()
    gateway.executor.script = lambda call: 1 // 0  # type: ignore[assignment, return-value]  # the bug
    async with gateway.client() as client:
        answer = await client.post("/route", json={"prompt": "canary"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (500, "internal")
    assert answer.headers["x-request-id"] in error["message"]
    assert "canary" not in answer.text


async def test_models_hold_real_and_virtual_names_and_facts() -> None:
    async with FakeGateway().client() as client:
        listed = (await client.get("/v1/models")).json()
        slashed = await client.get("/v1/models/local/tiny")
        unknown = await client.get("/v1/models/none")
    assert {entry["id"] for entry in listed["data"]} == {
        "auto", "pointsman/auto", "auto:cheap", "auto:balanced", "auto:quality", "small", "strong", "local/tiny",
    }  # fmt: skip
    assert {"name": "small", "provider": "openai", "status": "active", "cost": {"input": 0.1, "output": 0.4}}.items() <= listed["models"][
        0
    ].items()
    assert (slashed.json()["id"], unknown.json()["error"]["code"]) == ("local/tiny", "model_not_found")
