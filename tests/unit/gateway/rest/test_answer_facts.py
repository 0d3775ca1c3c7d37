"""What is known of a request is in the headers of its answer, also where that is an error."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pointsman.gateway.ports import AttemptStarted, CompletionCall, CompletionEvent, CompletionFailed
from pointsman.gateway.rest.answer_headers import provider_time_s
from pointsman.kit.errors import DeadlineExceeded, ServiceError, Unavailable
from tests.fakes.gateway_services import FakeClassifier, FakeExecutor, FakeLedger, fails, finished
from tests.fakes.gateways import FakeGateway

HELLO = [{"role": "user", "content": "hello"}]
PATHS: dict[str, dict[str, Any]] = {"/route": {"prompt": "hello"}, "/v1/chat/completions": {"model": "auto", "messages": HELLO}}
ALWAYS = {"decision-id", "policy", "cause", "fallbacks", "cache", "category", "confidence", "overhead-ms"}


def told(headers: Any) -> dict[str, str]:
    prefix = "x-pointsman-"
    return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}


def gives_up(reason: str) -> Callable[[CompletionCall], Sequence[CompletionEvent]]:
    """Two calls on two models, of which the first is billed."""

    def script(call: CompletionCall) -> list[CompletionEvent]:
        end = finished("small", reason="provider_bad_response")
        return [
            AttemptStarted(1, "small", "openai"),
            replace(end, attempt=replace(end.attempt, usage=finished("small").attempt.usage)),
            AttemptStarted(2, "strong", "openai"),
            finished("strong", number=2, reason=reason),
            CompletionFailed(reason, "it went wrong", "openai"),
        ]

    return script


STATUSES = {"provider_error": 502, "provider_timeout": 504, "no_healthy_provider": 503, "rate_limit_exceeded": 429}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("reason", "status"), STATUSES.items(), ids=STATUSES)
async def test_a_failure_says_what_was_decided_tried_and_spent(path: str, stream: bool, reason: str, status: int) -> None:  # noqa: FBT001  # a parameter
    gateway = FakeGateway(executor=FakeExecutor(gives_up(reason)))
    async with gateway.client() as client:
        answer = await client.post(path, json={**PATHS[path], "stream": stream})
    headers = told(answer.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, reason)
    assert headers.keys() == ALWAYS | {"model", "provider", "cost-usd"}
    assert (headers["model"], headers["fallbacks"], headers["cost-usd"]) == ("strong", "1", "0.000009")
    assert headers["decision-id"].startswith("dec_")
    assert answer.headers["x-should-retry"] == "true"
    assert ("retry-after" in answer.headers) == (status in {429, 503})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("error", [Unavailable("dependency_down", "away"), DeadlineExceeded("deadline_exceeded", "late")], ids=str)
async def test_where_nobody_was_called_no_model_is_named(path: str, error: ServiceError) -> None:
    gateway = FakeGateway(executor=FakeExecutor(lambda call: [error]))
    async with gateway.client() as client:
        answer = await client.post(path, json=PATHS[path])
    assert told(answer.headers).keys() == ALWAYS | {"cost-usd"}
    assert told(answer.headers)["cost-usd"] == "0"


async def test_a_refused_spend_says_what_was_decided() -> None:
    gateway = FakeGateway(ledger=FakeLedger(admits=0))
    async with gateway.client() as client:
        answer = await client.post("/route", json={"prompt": "hello", "model": "small"})
    assert answer.status_code == 429
    assert told(answer.headers).keys() == ALWAYS
    assert told(answer.headers)["cause"] == "explicit_model"


async def test_a_bug_after_the_decision_names_it_too() -> None:
    gateway = FakeGateway()
    gateway.executor.script = lambda call: 1 // 0  # type: ignore[assignment, return-value]  # the bug
    async with gateway.client() as client:
        answer = await client.post("/route", json={"prompt": "canary"})
    assert answer.status_code == 500
    assert told(answer.headers).keys() == ALWAYS


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("GET", "/v1/models"), ("POST", "/route"), ("GET", "/livez")])
async def test_every_answer_says_how_long_it_took_us_and_nothing_it_does_not_know(method: str, path: str) -> None:
    async with FakeGateway().client() as client:
        answer = await client.request(method, path)
    assert told(answer.headers).keys() == {"overhead-ms"}
    assert float(told(answer.headers)["overhead-ms"]) >= 0
    assert answer.headers["x-request-id"].startswith("req_")


async def test_a_header_is_not_sent_twice() -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/route", json={"prompt": "hello"})
    names = [name for name, _ in answer.headers.multi_items()]
    assert len(names) == len(set(names))


async def test_the_cache_header_tells_whether_the_prompt_was_judged_before() -> None:
    async with FakeGateway().client() as client:
        seen = [told((await client.post("/route", json={"prompt": "hello", "mode": "recommend"})).headers)["cache"] for _ in range(2)]
    assert seen == ["miss", "hit"]


async def test_degraded_is_told_on_errors() -> None:
    away = FakeClassifier(error=Unavailable("dependency_down", "away"))
    async with FakeGateway(classifier=away, executor=FakeExecutor(fails("provider_error"))).client() as client:
        answer = await client.post("/route", json={"prompt": "hello"})
    assert (answer.status_code, told(answer.headers)["degraded"]) == (502, "classifier")


def test_what_was_waited_between_two_calls_is_not_our_share() -> None:
    first, second = finished("a").attempt, finished("b", number=2).attempt
    assert provider_time_s([]) == 0
    assert provider_time_s([first]) == pytest.approx(0.25)
    assert provider_time_s([first, replace(second, start_time_s=first.start_time_s + 2)]) == pytest.approx(2.25)
