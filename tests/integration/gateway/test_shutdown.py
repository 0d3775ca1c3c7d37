"""How requests end when the gateway does."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2 as httpx
import pytest

from pointsman.gateway.ports import AttemptOutcome, AttemptStarted, CompletionCall, CompletionDone, CompletionEvent
from pointsman.gateway.rest.app import build_app
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.server import Parts
from pointsman.kit.deadline import Deadline
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.http_server import RunningHttpServer, serve_http
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeExecutor, finished, text_chunk
from tests.fakes.gateways import FakeGateway

CHAT = "/v1/chat/completions", {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
ROUTE = "/route", {"prompt": "hello", "mode": "generate"}
BOTH = pytest.mark.parametrize(("path", "body"), [CHAT, ROUTE], ids=["chat", "route"])
TIMEOUT_S = 5.0


def serving(gateway: FakeGateway, parts: Parts, *, drain_s: float) -> AbstractAsyncContextManager[RunningHttpServer]:
    hosts = TrustedHosts((), bound_host="127.0.0.1", service="gateway")
    app = build_app(
        parts.engine, gateway.reports(), access=Access(None, host="127.0.0.1"), hosts=hosts, version="0", log=get_logger("gateway")
    )
    return serve_http(app, host="127.0.0.1", port=0, drain_s=drain_s)


@asynccontextmanager
async def asking(server: RunningHttpServer, path: str, body: object) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(base_url=f"http://{server.address}", timeout=TIMEOUT_S) as client,
        client.stream("POST", path, json=body) as answer,
    ):
        yield answer


def one_chunk_then(gate: asyncio.Event) -> FakeExecutor:
    def script(call: CompletionCall) -> list[CompletionEvent | asyncio.Event]:
        chunk = [text_chunk("small", "one")] if call.stream else []
        return [AttemptStarted(1, "small", "openai"), *chunk, gate, finished("small"), CompletionDone("stop", None)]

    return FakeExecutor(script)


async def called(gateway: FakeGateway) -> None:
    """Return once the executor has a call."""
    while not gateway.executor.calls:  # noqa: ASYNC110  # the fake has no event to give
        await asyncio.sleep(0.01)


@BOTH
async def test_a_stream_that_outlives_the_drain_ends_with_the_reason(path: str, body: dict[str, object]) -> None:
    gateway = FakeGateway(executor=one_chunk_then(asyncio.Event()))
    parts = gateway.parts()
    context = serving(gateway, parts, drain_s=1.0)
    server = await context.__aenter__()
    async with asking(server, path, {**body, "stream": True}) as answer:
        pieces = answer.aiter_bytes()
        text = await anext(pieces)
        start_s = time.monotonic()
        leaving = asyncio.create_task(context.__aexit__(None, None, None))
        async for piece in pieces:
            text += piece
        await leaving
        assert 0.9 < time.monotonic() - start_s < 6.0
    last = text.decode().strip().split("\n\n")[-1]
    assert json.loads(last.rpartition("data: ")[2])["error"]["code"] == "shutting_down"
    assert last.startswith("event: error\n") == (path == "/route")
    assert "[DONE]" not in text.decode()
    await parts.backlog.flush(Deadline.after(TIMEOUT_S))
    (settlement,) = gateway.ledger.settlements
    assert settlement.attempts[0].outcome is AttemptOutcome.CANCELLED


@BOTH
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_what_ends_within_the_drain_ends_well(path: str, body: dict[str, object], stream: bool) -> None:  # noqa: FBT001  # a parameter
    gate = asyncio.Event()
    gateway = FakeGateway(executor=one_chunk_then(gate))
    context = serving(gateway, gateway.parts(), drain_s=5.0)
    server = await context.__aenter__()
    asked = asyncio.create_task(httpx_post(server, path, {**body, "stream": stream}))
    await called(gateway)
    leaving = asyncio.create_task(context.__aexit__(None, None, None))
    await asyncio.sleep(0.2)
    gate.set()
    answer = await asked
    await leaving
    assert answer.status_code == 200
    assert "shutting_down" not in answer.text


@BOTH
async def test_an_answer_that_has_not_begun_when_the_drain_is_over_is_a_refusal(path: str, body: dict[str, object]) -> None:
    gateway = FakeGateway(executor=one_chunk_then(asyncio.Event()))
    context = serving(gateway, gateway.parts(), drain_s=0.5)
    server = await context.__aenter__()
    asked = asyncio.create_task(httpx_post(server, path, body))
    await called(gateway)
    await context.__aexit__(None, None, None)
    answer = await asked
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "shutting_down")
    assert (answer.headers["x-should-retry"], answer.headers["retry-after"]) == ("true", "1")


async def httpx_post(server: RunningHttpServer, path: str, body: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=TIMEOUT_S) as client:
        return await client.post(path, json=body)
