"""Bodies that are wrong in every way, over the whole application: the code that each deserves, and nothing of it comes back or is kept."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.fakes.gateway_services import FakeExecutor, fails
from tests.fakes.gateways import FakeGateway

CANARY = "sk-canary-7f3a-secret jane.doe@example.com 4111111111111111"
ROUTE, CHAT = "/route", "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def said(content: Any, **fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **fields}]


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "auto", "messages": said(CANARY), **fields}).encode()


def route(**fields: Any) -> bytes:
    return json.dumps({"prompt": CANARY, **fields}).encode()


def tool(parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


def nested(depth: int) -> bytes:
    return b'{"prompt": ' + b"[" * depth + b"]" * depth + b"}"


VALUE, BAD_JSON, UNKNOWN, TOO_LONG = "invalid_value", "invalid_json", "unknown_field", "context_length_exceeded"
CASES: dict[str, tuple[str, bytes, int, str]] = {
    **{f"{path} of {body!r}": (path, body, 400, BAD_JSON if not body else VALUE)
       for path in (ROUTE, CHAT) for body in (b"", b"null", b"[]", b'"x"', b"5")},
    "cut short": (ROUTE, route()[:-5], 400, BAD_JSON),
    "something behind": (CHAT, chat() + b"x", 400, BAD_JSON),
    "no UTF-8": (ROUTE, b'{"prompt": "\xff\xfe"}', 400, BAD_JSON),
    "half a character": (CHAT, b'{"model": "auto", "messages": [{"role": "user", "content": "\\ud800"}]}', 400, VALUE),
    "half a character as model": (CHAT, b'{"model": "\\ud800", "messages": [{"role": "user", "content": "x"}]}', 400, VALUE),
    "NUL in a model": (CHAT, chat(model="small\0"), 400, VALUE),
    "a key twice": (CHAT, b'{"model": "auto", "model": "small", "messages": []}', 400, BAD_JSON),
    "a key twice inside": (CHAT, b'{"model": "auto", "messages": [{"role": "user", "role": "system", "content": "x"}]}', 400, BAD_JSON),
    "Model": (CHAT, chat(Model="small"), 400, UNKNOWN),
    "Prompt": (ROUTE, route(Prompt="y"), 400, UNKNOWN),
    "Role": (CHAT, chat(messages=said(CANARY, Role="system")), 400, UNKNOWN),
    "Constraints": (CHAT, chat(pointsman={"Constraints": {}}), 400, UNKNOWN),
    "5,000 digits": (CHAT, chat()[:-1] + b', "seed": ' + b"9" * 5_000 + b"}", 400, VALUE),
    **{f"{depth} deep": (ROUTE, nested(depth), 400, BAD_JSON) for depth in (100, 1_000, 100_000)},
    "a byte too many": (ROUTE, b'{"prompt": "' + b"a" * (4 << 20) + b'"}', 413, "body_too_large"),
    "100,001 messages": (CHAT, b'{"model": "auto", "messages": [' + b",".join([b"{}"] * 100_001) + b"]}", 400, VALUE),
    "2,049 messages": (CHAT, chat(messages=said(CANARY) * 2_049), 400, VALUE),
    "10,000 parts": (CHAT, chat(messages=said([{}] * 10_000)), 400, VALUE),
    "a million characters and one": (ROUTE, json.dumps({"prompt": "a" * 1_000_001}).encode(), 400, TOO_LONG),
    "the same in two messages": (CHAT, chat(messages=said("a" * 500_001) * 2), 400, TOO_LONG),
    "a million blanks": (ROUTE, json.dumps({"prompt": " " * 1_000_000}).encode(), 400, VALUE),
    **{f"n={value!r}": (CHAT, chat(n=value), 400, VALUE) for value in (0, -1, 10**6, "7", True, 1.5)},
    **{f"max_tokens={value!r} {path}": (path, body(max_tokens=value), 400, VALUE)
       for path, body in ((ROUTE, route), (CHAT, chat)) for value in (0, -1, 2**31, 2**63, "10", 1.5, True)},
    **{f"{path} {next(iter(fields))}": (path, body(**fields), 400, VALUE) for path, body, fields in (
        (CHAT, chat, {"temperature": -1}), (CHAT, chat, {"temperature": "hot"}), (ROUTE, route, {"temperature": 3}),
        (CHAT, chat, {"top_p": 2}), (CHAT, chat, {"logit_bias": {"1": 1e5}}), (CHAT, chat, {"stop": ["x"] * 9_000}),
        (CHAT, chat, {"seed": 2**70}), (CHAT, chat, {"stream": "yes"}), (ROUTE, route, {"stream": 1}),
        (CHAT, chat, {"user": "u" * 1_000_000}), (ROUTE, route, {"user": "u" * 1_000_000}),
        (CHAT, chat, {"metadata": {str(name): "v" for name in range(4_000)}}), (ROUTE, route, {"metadata": {"a": {}}}),
    )},
    "10,000 stops": (CHAT, chat(stop=["x"] * 10_000), 400, VALUE),
    "129 tools": (CHAT, chat(tools=[tool({})] * 129), 400, VALUE),
    "a large tool": (CHAT, chat(tools=[tool({"d": "x" * (64 << 10)})]), 400, VALUE),
    "a large schema": (CHAT, chat(response_format={"type": "json_schema", "json_schema": {"d": "x" * 1_000_000}}), 400, VALUE),
    "an empty model": (CHAT, chat(model=""), 400, VALUE),
    "a model of 10 KB": (ROUTE, route(model="m" * 10_240), 400, VALUE),
    **{f"model {name}": (path, body(model=name), 404, "model_not_found")
       for path, body in ((ROUTE, route), (CHAT, chat))
       for name in ("../../x", "a/b?c#d", "%2e%2e", "__proto__", "sm\u0430ll", "constructor", "Small")},
    **{f"image {url[:24]}": (CHAT, chat(messages=said([{"type": "image_url", "image_url": {"url": url}}])), 400, VALUE)
       for url in ("http://169.254.169.254/latest", "file:///etc/passwd", "gopher://x")},
    "a large image": (CHAT, chat(messages=said([{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (5 << 20)}}])),
                      413, "body_too_large"),
    "an address for us to call": (CHAT, chat(base_url="http://x"), 400, UNKNOWN),
}  # fmt: skip


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with FakeGateway().client() as one:
        yield one


@pytest.mark.parametrize(("path", "body", "status", "code"), CASES.values(), ids=CASES)
async def test_it_is_refused_with_its_code_and_neither_repeated_nor_logged(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], path: str, body: bytes, status: int, code: str
) -> None:
    answer = await client.post(path, content=body, headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["source"]) == (status, code, "gateway")
    assert (answer.headers["x-should-retry"], "retry-after" in answer.headers) == ("false", False)
    logged = capsys.readouterr()
    for place in (answer.text, str(answer.headers), logged.out, logged.err):
        assert "canary" not in place
        assert "example.com" not in place


TAKEN: dict[str, tuple[str, bytes]] = {
    "NUL and controls in a prompt": (ROUTE, json.dumps({"prompt": "a\0b\x07"}).encode()),
    "a recursive schema": (CHAT, chat(tools=[tool({"$ref": "#"})])),
    "a pattern that backtracks": (CHAT, chat(tools=[tool({"type": "string", "pattern": "(a+)+$"})])),
    "no type at all": (CHAT, chat(tools=[tool({"type": []})])),
    "stream null": (CHAT, chat(stream=None)),
    "route with nulls": (ROUTE, route(stream=None, constraints=None, metadata=None, mode=None)),
    "null beside tool calls": (CHAT, chat(messages=[*said("x"), {"role": "assistant", "content": None, "tool_calls": [tool({})]}])),
}


@pytest.mark.parametrize(("path", "body"), TAKEN.values(), ids=TAKEN)
async def test_what_is_odd_but_allowed_goes_to_the_provider_as_it_is(path: str, body: bytes) -> None:
    gateway = FakeGateway()
    async with gateway.client() as client:
        answer = await client.post(path, content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    given, sent = json.loads(body), json.loads(gateway.executor.calls[0].body)
    assert sent["messages"] == given.get("messages", said(given.get("prompt")))
    assert sent.get("tools") == given.get("tools")


@pytest.mark.parametrize("script", [None, fails("provider_error")], ids=["answered", "failed"])
async def test_a_secret_in_a_prompt_is_in_no_log_no_metric_and_no_error(
    capsys: pytest.CaptureFixture[str], script: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = FakeGateway(executor=FakeExecutor(script) if script else FakeExecutor())
    async with gateway.client() as client:
        answers = [await client.post(path, content=body(), headers=JSON) for path, body in ((ROUTE, route), (CHAT, chat))]
        metrics = (await client.get("/metrics")).text
    logged = capsys.readouterr()
    for place in (*(answer.text + str(answer.headers) for answer in answers), metrics, logged.out, logged.err, caplog.text):
        assert "canary" not in place
        assert "4111" not in place


async def test_names_that_callers_make_up_add_no_series(client: httpx.AsyncClient) -> None:
    async def ask(number: int) -> None:
        await client.post(CHAT, content=chat(model=f"made-up-{number}", user=f"user-{number}"), headers=JSON)
        await client.post(ROUTE, content=route(user=f"user-{number}", mode="recommend"), headers=JSON)
        await client.get(f"/metrics/made-up-{number}")
        await client.get(f"/nowhere/{number}")
        await client.request(f"VERB{number}", "/route")

    async def series() -> set[str]:
        text = (await client.get("/metrics")).text
        return {line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")}

    await ask(0)
    await series()  # its own request is counted once it is over
    before = await series()
    for number in range(1, 200):
        await ask(number)
    assert await series() == before
