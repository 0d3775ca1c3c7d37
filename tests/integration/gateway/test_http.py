"""The gateway over real HTTP, with its services in memory: what only a socket shows."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2 as httpx
import pytest

from pointsman.gateway.ports import AttemptOutcome, AttemptStarted, CompletionCall, CompletionDone, CompletionEvent
from pointsman.gateway.rest.app import build_app
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.server import Parts
from pointsman.kit.deadline import Deadline
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.http_server import serve_http
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeExecutor, Script, finished, text_chunk
from tests.fakes.gateways import FakeGateway

ASK = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "stream": True}
TIMEOUT_S = 5.0


@asynccontextmanager
async def served(gateway: FakeGateway, parts: Parts, **limits: float) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway on a port of this machine."""
    engine = replace(parts.engine, limits=replace(parts.engine.limits, **limits))
    hosts = TrustedHosts((), bound_host="127.0.0.1", service="gateway")
    app = build_app(engine, gateway.reports(), access=Access(None, host="127.0.0.1"), hosts=hosts, version="0", log=get_logger("gateway"))
    async with (
        serve_http(app, host="127.0.0.1", port=0, drain_s=1.0) as running,
        httpx.AsyncClient(base_url=f"http://{running.address}", timeout=TIMEOUT_S) as client,
    ):
        yield client


def waits(*before: CompletionEvent, gate: asyncio.Event, after: Sequence[CompletionEvent] = ()) -> Script:
    """These events, a wait for the gate, then those."""
    return lambda call: [*before, gate, *after]


def start(number: int = 1) -> AttemptStarted:
    return AttemptStarted(number, "small", "openai")


def whole(call: CompletionCall) -> list[CompletionEvent]:
    return [start(), text_chunk("small", "hi"), finished("small"), CompletionDone("stop", None)]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/route"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_client_who_hangs_up_ends_the_call_and_what_came_is_settled(path: str, stream: bool) -> None:  # noqa: FBT001  # a parameter
    reached = asyncio.Event()

    def script(call: CompletionCall) -> list[CompletionEvent | asyncio.Event]:
        reached.set()
        return [start(), *([text_chunk("small", "one")] if call.stream else []), asyncio.Event()]

    gateway = FakeGateway(executor=FakeExecutor(script))
    parts = gateway.parts()
    body = {"prompt": "hello", "stream": stream} if path == "/route" else {**ASK, "stream": stream}
    async with served(gateway, parts) as client:
        asking = asyncio.create_task(client.post(path, json=body))
        await asyncio.wait_for(reached.wait(), TIMEOUT_S)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(TIMEOUT_S):
            await until_idle(parts)
    await parts.backlog.flush(Deadline.after(TIMEOUT_S))
    (settlement,) = gateway.ledger.settlements
    (attempt,) = settlement.attempts
    assert (attempt.outcome, attempt.usage is not None and attempt.usage.estimated) == (AttemptOutcome.CANCELLED, True)
    assert gateway.executor.left_early == 1


async def until_idle(parts: Parts) -> None:
    """Return once no request is under way."""
    while parts.engine.in_flight.count:  # noqa: ASYNC110  # nothing else tells a client that the server has noticed
        await asyncio.sleep(0.01)


async def test_a_silent_stream_is_kept_alive() -> None:
    gate = asyncio.Event()
    gateway = FakeGateway(executor=FakeExecutor(waits(start(), text_chunk("small", "a"), gate=gate, after=whole_rest())))
    async with (
        served(gateway, gateway.parts(), silence_s=0.05) as client,
        client.stream("POST", "/v1/chat/completions", json=ASK) as answer,
    ):
        text = ""
        async for part in answer.aiter_text():
            text += part
            if ": keep-alive" in text:
                gate.set()
    assert text.index("data: ") < text.index(": keep-alive\n\n") < text.index("data: [DONE]")
    assert answer.headers.get("x-pointsman-provisional") is None


def whole_rest() -> list[CompletionEvent]:
    return [finished("small"), CompletionDone("stop", None)]


async def test_headers_that_waited_long_enough_carry_the_plan_and_say_so() -> None:
    gate = asyncio.Event()
    after = [text_chunk("small", "a"), *whole_rest()]
    gateway = FakeGateway(executor=FakeExecutor(waits(start(), gate=gate, after=after)))
    ask = {**ASK, "model": "auto"}
    async with (
        served(gateway, gateway.parts(), content_patience_s=0.05) as client,
        client.stream("POST", "/v1/chat/completions", json=ask, headers={"x-pointsman-metadata": "enabled"}) as answer,
    ):
        assert (answer.headers["x-pointsman-provisional"], answer.headers["x-pointsman-model"]) == ("true", "small")
        gate.set()
        text = "".join([part async for part in answer.aiter_text()])
    last = json.loads(text.split("\n\n")[-3].removeprefix("data: "))
    assert last["pointsman_metadata"]["model"] == "small"


async def test_tokens_arrive_as_they_come() -> None:
    gate = asyncio.Event()
    gateway = FakeGateway(executor=FakeExecutor(waits(start(), text_chunk("small", "first"), gate=gate, after=whole_rest())))
    async with (
        served(gateway, gateway.parts()) as client,
        client.stream("POST", "/route", json={"prompt": "hello", "stream": True}) as answer,
    ):
        text = ""
        async for part in answer.aiter_text():
            text += part
            if "first" in text:
                gate.set()
    assert text.index("event: decision") < text.index("event: token") < text.index("event: done")


async def test_a_running_stream_is_finished_before_the_server_goes() -> None:
    gate = asyncio.Event()
    gateway = FakeGateway(executor=FakeExecutor(waits(start(), text_chunk("small", "a"), gate=gate, after=whole_rest())))
    parts = gateway.parts()
    app = gateway.app(parts)
    texts: list[str] = []

    async def read(address: str) -> None:
        async with (
            httpx.AsyncClient(base_url=f"http://{address}", timeout=TIMEOUT_S) as client,
            client.stream("POST", "/v1/chat/completions", json=ASK) as answer,
        ):
            async for part in answer.aiter_text():
                texts.append(part)
                started.set()

    started = asyncio.Event()
    async with serve_http(app, host="127.0.0.1", port=0, drain_s=TIMEOUT_S) as running:
        reading = asyncio.create_task(read(running.address))
        await asyncio.wait_for(started.wait(), TIMEOUT_S)
        asyncio.get_running_loop().call_later(0.05, gate.set)
    await reading
    assert "".join(texts).endswith("data: [DONE]\n\n")
