"""A language model judges the prompt: paid for like any call, and never in the way of an answer."""

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from pointsman.gateway.core.catalog import Agent, Capability, Policy
from pointsman.gateway.core.judgement import ClassificationMethod, Difficulty
from pointsman.gateway.core.routing import Constraints, Purpose
from pointsman.gateway.engine.routing import Order, Routed
from pointsman.gateway.ports import (
    Account,
    AttemptOutcome,
    AttemptStarted,
    CompletionCall,
    CompletionDone,
    CompletionEvent,
    Settlement,
    Strategy,
)
from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, ServiceError, Unavailable
from tests.fakes.gateway_services import FakeExecutor, answer_body, fails, finished, let_all_run, says
from tests.fakes.gateways import FakeGateway, three_models
from tests.unit.gateway.core.samples import CHAT, model, price
from tests.unit.gateway.engine.test_routing import order

DEADLINE = Deadline(math.inf)  # modules are loaded minutes before their tests run
VERDICT = json.dumps({"category": "math", "difficulty": "hard", "complexity": 0.9, "creativity": 0.2})
JUDGE = "local/tiny"  # the cheapest of the three
PRICED = GatewaySettings(llm_classifier_model="small")
# 10 tokens in and 20 out, at the price of "small".
CALL_NANOUSD = 10 * 100 + 20 * 400


def asked(text: str = "prove it", **changes: Any) -> Order:
    return order(text, **{"purpose": Purpose.GENERATE, "strategy": Strategy.LLM, **changes})


async def route(gateway: FakeGateway, *orders: Order) -> list[Routed]:
    """Route one after the other; what is to be booked is booked at the end."""
    parts = gateway.parts()
    routed = [await parts.engine.routing.route(one, DEADLINE) for one in orders]
    await parts.backlog.flush(DEADLINE)
    return routed


def judging(text: str = VERDICT, **changes: Any) -> FakeGateway:
    """A gateway whose models all say this."""
    return FakeGateway(executor=FakeExecutor(says(text)), **changes)


def seen(routed: Routed) -> tuple[str | None, tuple[str, ...]]:
    """The category, and what was missing."""
    return None if routed.judgement is None else routed.judgement.category, routed.degraded


async def test_the_models_word_is_taken_and_said_to_be_its() -> None:
    gateway = judging()
    (routed,) = await route(gateway, asked())
    assert seen(routed) == ("math", ())
    assert routed.judgement is not None
    assert (routed.judgement.difficulty, routed.judgement.encoder) == (Difficulty.HARD, f"llm:{JUDGE}")
    assert routed.judgement.method is ClassificationMethod.ML_BASED
    assert gateway.classifier.calls[0][1] is Strategy.HYBRID, "the classifier is asked meanwhile"


async def test_the_question_is_short_cool_and_for_one_model_once() -> None:
    gateway = judging()
    await route(gateway, asked("prove it"))
    (call,) = gateway.executor.calls
    body = json.loads(call.body)
    assert (call.request_id, call.candidate_model_ids, call.max_attempts, call.stream) == ("req_1", (JUDGE,), 1, False)
    assert (body["temperature"], body["max_tokens"], "response_format" in body) == (0, 64, False)
    assert json.loads(body["messages"][1]["content"]) == {"prompt": "prove it"}


async def test_a_model_that_takes_a_schema_is_given_one() -> None:
    gateway = judging(settings=PRICED)
    await route(gateway, asked())
    (call,) = gateway.executor.calls
    assert json.loads(call.body)["response_format"]["json_schema"]["strict"] is True


async def test_what_the_judge_costs_is_reserved_settled_and_part_of_the_requests_cost() -> None:
    gateway = judging(settings=PRICED)
    (routed,) = await route(gateway, asked(account=Account("acme", "k1")))
    (spend,), (settlement,) = gateway.ledger.spends, gateway.ledger.settlements
    (attempt,) = settlement.attempts
    assert [planned.model_id for planned in spend.planned_attempts] == ["small"]
    assert (spend.request_id, spend.account, settlement.account) == ("req_1", Account("acme", "k1"), Account("acme", "k1"))
    assert (settlement.spend_id, settlement.decision_id) == (spend.spend_id, None), "it answers nobody"
    assert attempt.cost_nanousd == CALL_NANOUSD <= spend.planned_attempts[0].worst_case_nanousd
    assert (routed.judge_attempts, routed.request.spent_nanousd) == ((attempt,), CALL_NANOUSD)


async def test_its_cost_counts_against_what_the_request_may_cost() -> None:
    gateway = judging(settings=PRICED)
    allowed = Constraints(max_cost_nanousd=145_000)  # "small" is expected to take 140,200 for an answer
    (routed,) = await route(gateway, asked(constraints=allowed, task_type="math"))
    assert [ranked.model.id for ranked in routed.decision.ranking] == [JUDGE]
    (plain,) = await route(judging(settings=PRICED), asked(constraints=allowed, task_type="math", strategy=Strategy.HYBRID))
    assert "small" in [ranked.model.id for ranked in plain.decision.ranking]


@pytest.mark.parametrize(
    "changes",
    [{"purpose": Purpose.RECOMMEND}, {"model": "strong"}, {"models": ("strong",)}, {"model": "agent:bound"}],
    ids=["recommend", "a model named", "models named", "an agent's model"],
)
async def test_nothing_is_asked_where_nothing_is_spent_or_nothing_depends_on_it(changes: dict[str, Any]) -> None:
    gateway = judging()
    gateway.world.catalog = replace(three_models(), agents={"bound": Agent("bound", model_id="strong")})
    (routed,) = await route(gateway, asked(**changes))
    assert (seen(routed), gateway.executor.calls, gateway.ledger.spends) == (("coding", ("strategy",)), [], [])


async def test_a_decision_that_is_run_is_not_judged_for_money_again() -> None:
    gateway = judging()
    parts = gateway.parts()
    made = await parts.engine.routing.route(asked(), DEADLINE)
    gateway.executor.calls.clear()
    again = await parts.engine.routing.route(asked(decision_id=made.decision_id), DEADLINE)
    assert (again.decision_id, gateway.executor.calls) == (made.decision_id, [])


async def test_a_policy_may_ask_for_it() -> None:
    gateway = judging()
    gateway.world.catalog = replace(three_models(), policies={"balanced": Policy("balanced", 40.0, 0.75, strategy="llm")})
    (routed,) = await route(gateway, asked(strategy=None))
    assert seen(routed) == ("math", ())


def late(call: CompletionCall) -> Sequence[CompletionEvent | ServiceError]:
    return [AttemptStarted(1, call.candidate_model_ids[0], "openai"), DeadlineExceeded("deadline_exceeded", "late")]


def silent(call: CompletionCall) -> Sequence[CompletionEvent]:
    return [AttemptStarted(1, "small", "openai"), finished("small"), CompletionDone("stop", b"not JSON")]


def without_choices(call: CompletionCall) -> Sequence[CompletionEvent]:
    return [AttemptStarted(1, "small", "openai"), finished("small"), CompletionDone("stop", b'{"choices": [null]}')]


@pytest.mark.parametrize(
    "script",
    [
        says("I would rather chat."),
        says(f"Sure! {VERDICT}"),
        says("x" * 1_000_000),
        fails("provider_error"),
        late,
        silent,
        without_choices,
        lambda call: [Unavailable("dependency_down", "away")],
    ],
    ids=["prose", "prose before it", "one MB", "a fault", "too late", "no JSON", "no choice", "executor away"],
)
async def test_without_a_usable_answer_hybrid_stands_and_it_is_said(script: Any) -> None:
    gateway = FakeGateway(executor=FakeExecutor(script), settings=PRICED)
    (routed,) = await route(gateway, asked())
    assert seen(routed) == ("coding", ("strategy",))
    (spend,), settlements = gateway.ledger.spends, gateway.ledger.settlements
    assert [settlement.spend_id for settlement in settlements] == [spend.spend_id], "whatever it came to is settled"
    assert routed.judge_attempts == settlements[0].attempts


async def test_a_call_that_ran_out_of_time_is_paid_by_what_was_seen() -> None:
    gateway = FakeGateway(executor=FakeExecutor(late), settings=PRICED)
    await route(gateway, asked())
    (attempt,) = gateway.ledger.settlements[0].attempts
    assert (attempt.outcome, attempt.failure_reason) == (AttemptOutcome.FAILED, "deadline_exceeded")
    assert attempt.cost_nanousd


@pytest.mark.parametrize("away", [False, True], ids=["refused", "ledger and spool away"])
async def test_where_the_budget_has_nothing_for_it_hybrid_stands(*, away: bool) -> None:
    gateway = judging(settings=PRICED)
    gateway.ledger.admits = 0
    if away:
        gateway.ledger.error = gateway.spool.error = Unavailable("dependency_down", "away")
    (routed,) = await route(gateway, asked())
    assert (seen(routed), gateway.executor.calls) == (("coding", ("strategy",)), [])


async def test_a_prompt_that_must_stay_here_is_judged_here() -> None:
    gateway = judging(settings=PRICED)
    (routed,) = await route(gateway, asked(constraints=Constraints(local_only=True)))
    assert (seen(routed), gateway.executor.calls) == (("coding", ("strategy",)), [])


async def test_without_the_classifier_the_model_judges_on_the_rules_word() -> None:
    gateway = judging()
    gateway.classifier.error = Unavailable("dependency_down", "away")
    routed = await route(gateway, asked(), asked())
    assert [seen(one) for one in routed] == [("math", ("classifier",)), ("math", ("classifier",))]
    assert len(gateway.executor.calls) == 2, "what rests on a stopgap is not kept"


async def test_a_prompt_judged_before_is_not_paid_for_again() -> None:
    gateway = judging(settings=PRICED)
    first, second = await route(gateway, asked(), asked())
    assert ([seen(one)[0] for one in (first, second)], len(gateway.executor.calls)) == (["math", "math"], 1)
    assert ([one.cache.value for one in (first, second)], second.judge_attempts, second.request.spent_nanousd) == (["miss", "hit"], (), 0)


async def test_a_prompt_that_is_being_judged_is_not_judged_a_second_time_beside_it() -> None:
    gate = asyncio.Event()

    def script(call: CompletionCall) -> list[CompletionEvent | asyncio.Event]:
        return [gate, AttemptStarted(1, JUDGE, "ollama"), finished(JUDGE), CompletionDone("stop", answer_body(JUDGE, VERDICT))]

    gateway = FakeGateway(executor=FakeExecutor(script))
    parts = gateway.parts()
    routing = [asyncio.create_task(parts.engine.routing.route(asked(), DEADLINE)) for _ in range(3)]
    await let_all_run()
    gate.set()
    routed = await asyncio.gather(*routing)
    assert ({seen(one) for one in routed}, len(gateway.executor.calls)) == ({("math", ())}, 1)
    assert sorted(len(one.judge_attempts) for one in routed) == [0, 0, 1], "one pays"


async def test_a_caller_who_leaves_cancels_the_question_and_pays_for_it() -> None:
    gateway = FakeGateway(executor=FakeExecutor(lambda call: [AttemptStarted(1, "small", "openai"), asyncio.Event()]), settings=PRICED)
    parts = gateway.parts()
    routing = asyncio.create_task(parts.engine.routing.route(asked(), DEADLINE))
    await let_all_run()
    routing.cancel()
    await asyncio.gather(routing, return_exceptions=True)
    await parts.backlog.flush(DEADLINE)
    settlement: Settlement
    (settlement,) = gateway.ledger.settlements
    assert ([attempt.outcome for attempt in settlement.attempts], gateway.executor.left_early) == ([AttemptOutcome.CANCELLED], 1)


async def test_a_model_that_keeps_failing_is_left_alone_for_a_while() -> None:
    gateway = judging("no idea")
    routed = await route(gateway, *(asked(f"prompt {number}") for number in range(6)))
    assert {seen(one) for one in routed} == {("coding", ("strategy",))}
    assert len(gateway.executor.calls) == 3


async def test_a_request_in_haste_says_nothing_against_the_model() -> None:
    gateway = FakeGateway(executor=FakeExecutor(late))
    routing = gateway.parts().engine.routing
    for number in range(6):
        await routing.route(asked(f"prompt {number}"), Deadline.after(4.0))
    assert len(gateway.executor.calls) == 6


async def test_the_answer_shows_the_judges_call_and_its_cost() -> None:
    def script(call: CompletionCall) -> Sequence[CompletionEvent | ServiceError | asyncio.Event]:
        return says(VERDICT if b"You judge prompts" in call.body else "Hello")(call)

    gateway = FakeGateway(executor=FakeExecutor(script), settings=PRICED)
    async with gateway.client() as client:
        answer = await client.post("/route", json={"prompt": "hello", "strategy": "llm"})
        body = {"model": "auto", "messages": [{"role": "user", "content": "other"}], "pointsman": {"strategy": "llm"}}
        chat = await client.post("/v1/chat/completions", json=body, headers={"x-pointsman-metadata": "enabled"})
    for attempts in (answer.json()["attempts"], chat.json()["pointsman_metadata"]["attempts"]):
        assert [(one["purpose"], one["model"]) for one in attempts] == [("judge", "small"), ("answer", attempts[1]["model"])]
        assert attempts[0]["cost_usd"] == CALL_NANOUSD / 1e9
    total = sum(one["cost_usd"] for one in answer.json()["attempts"])
    assert answer.json()["cost_usd"] == pytest.approx(total)
    assert float(answer.headers["x-pointsman-cost-usd"]) == pytest.approx(total)
    assert (answer.json()["degraded"], answer.json()["classification"]["category"]) == ([], "math")
    assert float(answer.headers["x-pointsman-overhead-ms"]) == 0.0, "of either provider's time, which is longer here, nothing is ours"
    assert b'pointsman_requests_total{category="math"' in (await metrics(gateway))


async def metrics(gateway: FakeGateway) -> bytes:
    """What the gateway counted."""
    return generate_latest(gateway.telemetry.registry)


async def test_the_judges_cost_is_counted_once_and_its_call_is_no_request() -> None:
    gateway = judging(settings=PRICED)
    await route(gateway, asked())
    counted = (await metrics(gateway)).decode()
    assert f'pointsman_cost_usd_total{{model="small",provider="openai"}} {CALL_NANOUSD / 1e9}' in counted
    assert "pointsman_requests_total{" not in counted


async def test_a_thinking_model_is_asked_where_it_is_named() -> None:
    thinker = model("thinker", price=price(0.1, 0.4), capabilities=CHAT | {Capability.REASONING})
    gateway = judging(settings=GatewaySettings(llm_classifier_model="thinker"))
    gateway.world.catalog = replace(three_models(), models={**three_models().models, "thinker": thinker})
    (routed,) = await route(gateway, asked())
    assert routed.judgement is not None
    assert routed.judgement.encoder == "llm:thinker"


async def test_a_model_that_the_catalogue_has_not_is_told_of_once() -> None:
    with capture_logs() as entries:
        routed = await route(judging(settings=GatewaySettings(llm_classifier_model="gone")), *(asked(f"prompt {n}") for n in range(6)))
    assert {seen(one) for one in routed} == {("coding", ("strategy",))}
    assert [(entry["event"], entry["reason"]) for entry in entries] == [("llm_classifier_away", "model_not_found")]


async def test_with_a_judge_of_unknown_price_the_requests_cost_is_unknown() -> None:
    gateway = judging(settings=GatewaySettings(llm_classifier_model="unpriced"))
    gateway.world.catalog = replace(three_models(), models={**three_models().models, "unpriced": model("unpriced", price=None)})
    async with gateway.client() as client:
        answer = (await client.post("/route", json={"prompt": "hello", "strategy": "llm"})).json()
    assert [(one["purpose"], one["cost_usd"] is None) for one in answer["attempts"]] == [("judge", True), ("answer", False)]
    assert answer["cost_usd"] is None
