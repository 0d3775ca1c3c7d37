"""`x-request-timeout` bounds a request over real gRPC, and every call that is made for it."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from pointsman.gateway import server
from tests.integration.gateway.test_serve import Services, client_of, serving, settings

ASKED_S = 2.0
# What a busy machine may add to a second's sleep.
SPARE_S = 2.0
ENDLESS = asyncio.Event
HELLO = [{"role": "user", "content": "hello"}]
CHAT = {"model": "small", "messages": HELLO}
REQUESTS = {
    "route": ("/route", {"prompt": "hello"}),
    "route, streamed": ("/route", {"prompt": "hello", "stream": True}),
    "chat": ("/v1/chat/completions", CHAT),
    "chat, streamed": ("/v1/chat/completions", {**CHAT, "stream": True}),
}


class WatchedServices(Services):
    """Notes how long each call may take; one that is named hangs."""

    def __init__(self, hanging: str = "") -> None:
        super().__init__()
        self.hanging = hanging
        self.allowed_s: dict[str, float] = {}

    async def note(self, name: str, context: Any) -> None:
        self.allowed_s[name] = context.time_remaining()
        if name == self.hanging:
            await ENDLESS().wait()

    async def ClassifyPrompt(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        await self.note("ClassifyPrompt", context)
        return await super().ClassifyPrompt(request, context)  # type: ignore[no-untyped-call]  # as above

    async def OpenSpend(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        await self.note("OpenSpend", context)
        return await super().OpenSpend(request, context)  # type: ignore[no-untyped-call]  # as above

    async def StreamCompletion(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        await self.note("StreamCompletion", context)
        async for message in super().StreamCompletion(request, context):  # type: ignore[no-untyped-call]  # as above
            yield message

    async def SettleSpend(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        await self.note("SettleSpend", context)
        return await super().SettleSpend(request, context)  # type: ignore[no-untyped-call]  # as above


async def ask(services: Services, folder: Path, name: str, timeout_s: str) -> tuple[httpx.Response, float]:
    """The answer, and how long it took."""
    path, body = REQUESTS[name]
    async with serving(services) as target, server.serve(settings(folder, target)) as addresses, client_of(addresses) as client:
        # Connects to all services first: on a busy machine that may take longer than a classification is waited for.
        await client.get("/v1/health")
        start_s = time.monotonic()
        answer = await client.post(path, json=body, headers={"x-request-timeout": timeout_s})
        return answer, time.monotonic() - start_s


@pytest.mark.parametrize("name", REQUESTS)
async def test_an_executor_that_hangs_ends_with_the_time_that_was_asked_for(tmp_path: Path, name: str) -> None:
    services = WatchedServices("StreamCompletion")
    answer, took_s = await ask(services, tmp_path, name, f"{ASKED_S:g}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert ASKED_S - 0.1 < took_s < ASKED_S + SPARE_S
    (opened,) = services.opened
    assert ASKED_S + 60 - 1.0 < opened.time_to_live.seconds + 1 <= ASKED_S + 60 + 1
    assert [settled.spend_id for settled in services.settled] == [opened.spend_id], "what was seen of it is settled"


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_call_gets_what_is_left_of_the_time_or_less(tmp_path: Path, name: str) -> None:
    services = WatchedServices()
    answer, _ = await ask(services, tmp_path, name, f"{ASKED_S:g}")
    assert answer.status_code == 200
    assert set(services.allowed_s) == {"ClassifyPrompt", "OpenSpend", "StreamCompletion", "SettleSpend"}
    assert max(services.allowed_s.values()) <= ASKED_S


async def test_a_classifier_that_hangs_costs_its_budget_and_no_more(tmp_path: Path) -> None:
    answer, took_s = await ask(WatchedServices("ClassifyPrompt"), tmp_path, "route", f"{ASKED_S:g}")
    assert (answer.status_code, answer.json()["degraded"]) == (200, ["classifier"])
    assert took_s < ASKED_S


@pytest.mark.parametrize("hanging", ["OpenSpend", "SettleSpend"])
async def test_a_ledger_that_hangs_leaves_the_answer_in_time(tmp_path: Path, hanging: str) -> None:
    services = WatchedServices(hanging)
    answer, took_s = await ask(services, tmp_path, "route", "5")
    assert (answer.status_code, answer.json()["settled"]) == (200, False)
    assert took_s < 5.0


async def test_no_other_time_is_taken_or_clamped(tmp_path: Path) -> None:
    answers = {}
    async with serving(Services()) as target, server.serve(settings(tmp_path, target)) as addresses, client_of(addresses) as client:
        for name, (path, body) in REQUESTS.items():
            for seconds in ("0", "-1", "0.999", "600.5", "1e12", "nan", "inf", "5s", ""):
                answer = await client.post(path, json=body, headers={"x-request-timeout": seconds})
                answers[name, seconds] = answer.status_code, answer.json()["error"]["param"]
    assert set(answers.values()) == {(400, "x-request-timeout")}
