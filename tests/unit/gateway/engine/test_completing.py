"""Runs a decision: what is called, what it costs, and what is settled however it ends."""

import asyncio
import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pointsman.gateway.core.catalog import Agent, Capability
from pointsman.gateway.core.routing import Constraints, Purpose
from pointsman.gateway.engine.completing import TimeAllowed
from pointsman.gateway.engine.routing import Order
from pointsman.gateway.ports import (
    AttemptOutcome,
    AttemptStarted,
    BilledTo,
    CompletionCall,
    CompletionDone,
    CompletionEvent,
    MeasuredUsage,
    Settlement,
)
from pointsman.gateway.rest.inference.provider_bodies import ProviderBody
from pointsman.gateway.server import Parts
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, ServiceError, Unavailable, UpstreamFailed
from tests.fakes.gateway_services import FakeExecutor, Script, answer_body, fails, finished, says, text_chunk
from tests.fakes.gateways import FakeGateway, three_models
from tests.unit.gateway.engine.test_routing import order

DEADLINE = Deadline(math.inf)  # modules are loaded minutes before their tests run
ALLOWED = TimeAllowed(started_s=0.0, usual_s=65.0, slow_s=600.0)
MESSAGES: list[Any] = [{"role": "user", "content": "hello"}]


@dataclass
class Desk:
    """A gateway whose executor plays one script."""

    script: Script
    gateway: FakeGateway = field(default_factory=FakeGateway)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        self.gateway.executor = FakeExecutor(self.script)
        self.parts = self.gateway.parts()

    async def run(self, asked: Order, *, stream: bool = False, settle: bool = True) -> list[bytes]:
        """Run to the end; the chunks that came."""
        routed = await self.parts.engine.routing.route(asked, DEADLINE)
        chunks: list[bytes] = []
        body = ProviderBody({"messages": [*MESSAGES]})
        async with self.parts.engine.completing.run(routed, asked, body, stream=stream, time_allowed=fresh()) as completion:
            while (chunk := await completion.next_chunk()) is not None:
                chunks.append(chunk)
            if settle:
                await completion.settle()
        return chunks

    async def settled(self) -> Settlement:
        """The one settlement, wherever it was booked."""
        await self.parts.backlog.flush(DEADLINE)
        (settlement,) = self.gateway.ledger.settlements
        return settlement


def fresh() -> TimeAllowed:
    """Time that starts now."""
    return replace(ALLOWED, started_s=Deadline.after(0).at_s)


def generate(**changes: Any) -> Order:
    return order(**{"purpose": Purpose.GENERATE, "model": "small", **changes})


async def test_the_executor_is_told_candidates_version_and_body() -> None:
    desk = Desk(says("hi"))
    await desk.run(generate(model="auto", constraints=Constraints(max_attempts=2)))
    (call,) = desk.gateway.executor.calls
    assert (call.request_id, call.catalog_version.number, call.stream, call.max_attempts) == ("req_1", 7, False, 2)
    assert call.candidate_model_ids == ("small", "strong", "local/tiny")
    assert json.loads(call.body) == {"messages": MESSAGES}


async def test_settlement_holds_attempts_at_the_prices_of_the_decision() -> None:
    desk = Desk(says("hi"))
    await desk.run(generate())
    settlement = await desk.settled()
    (spend,) = desk.gateway.ledger.spends
    (attempt,) = settlement.attempts
    assert (settlement.spend_id, settlement.category, settlement.request_id) == (spend.spend_id, "coding", "req_1")
    assert (attempt.cost_nanousd, attempt.outcome) == (10 * 100 + 20 * 400, AttemptOutcome.SUCCEEDED)


async def test_failed_but_billed_attempts_cost_too() -> None:
    def script(call: CompletionCall) -> list[CompletionEvent]:
        billed = finished("small", reason="provider_error", usage=MeasuredUsage(10, 0))
        end: list[CompletionEvent] = [
            AttemptStarted(2, "strong", "openai"),
            finished("strong", number=2),
            CompletionDone("stop", answer_body("strong", "hi")),
        ]
        return [AttemptStarted(1, "small", "openai"), billed, *end]

    desk = Desk(script)
    await desk.run(generate(model=None, models=("small", "strong")))
    costs = [attempt.cost_nanousd for attempt in (await desk.settled()).attempts]
    assert costs == [1_000, 10 * 2_000 + 20 * 8_000]


async def test_a_failure_is_raised_and_settled_in_the_background() -> None:
    desk = Desk(fails("provider_error"))
    with pytest.raises(UpstreamFailed) as failed:
        await desk.run(generate())
    assert (failed.value.reason, failed.value.provider) == ("provider_error", "openai")
    settlement = await desk.settled()
    assert [(attempt.cost_nanousd, attempt.failure_reason) for attempt in settlement.attempts] == [(0, "provider_error")]


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (Unavailable("dependency_down", "away"), AttemptOutcome.CUT, "executor_lost"),
        (DeadlineExceeded("deadline_exceeded", "late"), AttemptOutcome.CUT, "deadline_exceeded"),
    ],
    ids=["executor lost", "deadline"],
)
async def test_an_attempt_whose_end_never_came_is_settled_by_what_was_seen(
    error: ServiceError, outcome: AttemptOutcome, reason: str
) -> None:
    def script(call: CompletionCall) -> list[CompletionEvent | ServiceError]:
        return [AttemptStarted(1, "small", "openai"), text_chunk("small", "a" * 40), text_chunk("small", "b"), error]

    desk = Desk(script)
    with pytest.raises(type(error)):
        await desk.run(generate(), stream=True)
    (attempt,) = (await desk.settled()).attempts
    assert (attempt.outcome, attempt.failure_reason) == (outcome, reason)
    assert attempt.usage is not None
    assert (attempt.usage.output_token_count, attempt.usage.estimated) == (11, True)
    assert attempt.cost_nanousd == attempt.usage.input_token_count * 100 + 11 * 400


async def test_a_client_who_leaves_cancels_the_call_and_pays_for_what_came() -> None:
    reached = asyncio.Event()

    def script(call: CompletionCall) -> list[CompletionEvent | asyncio.Event]:
        return [AttemptStarted(1, "small", "openai"), text_chunk("small", "one"), asyncio.Event()]

    desk = Desk(script)

    async def read() -> None:
        routed = await desk.parts.engine.routing.route(generate(), DEADLINE)
        body = ProviderBody({"messages": [*MESSAGES]})
        async with desk.parts.engine.completing.run(routed, generate(), body, stream=True, time_allowed=fresh()) as completion:
            await completion.next_chunk()
            reached.set()
            await completion.next_chunk()

    reading = asyncio.create_task(read())
    await reached.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    (attempt,) = (await desk.settled()).attempts
    assert (attempt.outcome, attempt.failure_reason) == (AttemptOutcome.CANCELLED, "client_gone")
    assert attempt.usage == MeasuredUsage(2, 1, estimated=True)


async def test_where_no_call_was_made_the_reservation_is_given_back() -> None:
    desk = Desk(lambda call: [Unavailable("dependency_down", "away")])
    with pytest.raises(Unavailable):
        await desk.run(generate())
    settlement = await desk.settled()
    assert (settlement.attempts, settlement.spend_id is not None) == ((), True)


async def test_free_requests_are_settled_without_a_reservation() -> None:
    desk = Desk(says("hi", provider_id="ollama"))
    await desk.run(generate(model="local/tiny"))
    settlement = await desk.settled()
    assert (settlement.spend_id, settlement.attempts[0].cost_nanousd, desk.gateway.ledger.spends) == (None, 0, [])


async def test_the_callers_own_attempt_is_billed_to_him() -> None:
    def script(call: CompletionCall) -> list[CompletionEvent | ServiceError]:
        return [AttemptStarted(1, "small", "openai"), Unavailable("dependency_down", "away")]

    desk = Desk(script)
    with pytest.raises(Unavailable):
        await desk.run(generate(caller_api_key="sk-own"))
    assert (await desk.settled()).attempts[0].billed_to is BilledTo.CALLER


async def test_agents_and_limits_shape_the_body() -> None:
    desk = Desk(says("hi"))
    desk.gateway.world.catalog = replace(three_models(), agents={"poet": Agent("poet", system_prompt="Rhyme.")})
    await desk.run(generate(model="agent:poet", constraints=Constraints(max_cost_nanousd=1_000_000)))
    sent = json.loads(desk.gateway.executor.calls[0].body)
    assert sent["messages"] == [{"role": "system", "content": "Rhyme."}, *MESSAGES]
    assert sent["max_tokens"] > 0


async def test_an_answer_without_an_attempt_is_no_answer() -> None:
    desk = Desk(lambda call: [CompletionDone("stop", answer_body("small", "hi"))])
    with pytest.raises(Unavailable):
        await desk.run(generate())


async def test_local_and_reasoning_models_may_take_longer() -> None:
    desk = Desk(says("hi"))
    routed = await desk.parts.engine.routing.route(generate(model="small"), DEADLINE)
    (cloud,) = routed.decision.ranking
    thinking = replace(cloud, model=replace(cloud.model, capabilities=frozenset({Capability.REASONING})))
    asked = replace(ALLOWED, asked_s=5.0)
    assert ALLOWED.deadline((cloud,)).at_s == 65.0
    assert ALLOWED.deadline((cloud, thinking)).at_s == 600.0
    assert asked.deadline((thinking,)).at_s == 5.0


async def test_a_decision_is_run_with_the_limit_and_attempts_that_it_was_made_with() -> None:
    desk = Desk(says("hi"))
    decided = order(constraints=Constraints(max_attempts=1), max_output_token_count=100)
    routed = await desk.parts.engine.routing.route(decided, DEADLINE)
    await desk.run(order(purpose=Purpose.GENERATE, decision_id=routed.decision_id))
    (call,) = desk.gateway.executor.calls
    assert (call.max_attempts, json.loads(call.body)["max_tokens"]) == (1, 100)
