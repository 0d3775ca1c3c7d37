"""Answers of `/route` and chat completions, whole and streamed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pointsman.gateway.core.routing import Conditions, ProviderCondition
from pointsman.gateway.ports import AttemptStarted, CompletionCall, CompletionDone, CompletionEvent, CompletionFailed
from pointsman.gateway.rest.inference.answer_shapes import ClassificationShape, GenerationShape, RecommendationShape
from pointsman.kit.errors import Unavailable
from tests.fakes.gateway_services import FakeExecutor, FakeLedger, answer_body, fails, finished, says, text_chunk
from tests.fakes.gateways import FakeGateway, three_models
from tests.unit.gateway.core.samples import judgement

HELLO = [{"role": "user", "content": "hello"}]


def events_of(text: str) -> list[tuple[str, Any]]:
    """Names and data of server-sent events."""
    events = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields["data"]
        events.append((fields.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return events


async def test_recommend_has_every_field_and_spends_nothing() -> None:
    gateway = FakeGateway()
    async with gateway.client() as client:
        answer = await client.post("/route", json={"prompt": "hello", "mode": "recommend"})
    body = answer.json()
    assert body.keys() == RecommendationShape.__annotations__.keys()
    assert body["classification"].keys() == ClassificationShape.__annotations__.keys()
    assert (body["recommended_model"]["id"], body["policy"], body["catalog_version"]) == ("small", "balanced", 7)
    assert body["ranking"][0]["expected_cost_usd"] == 0.0002002
    assert (gateway.ledger.spends, gateway.executor.calls) == ([], [])
    assert {
        "x-pointsman-model": "small",
        "x-pointsman-provider": "openai",
        "x-pointsman-policy": "balanced",
        "x-pointsman-category": "coding",
        "x-pointsman-confidence": "1.0000",
        "x-pointsman-cause": "ranked",
        "x-pointsman-fallbacks": "0",
        "x-pointsman-cache": "miss",
        "x-pointsman-decision-id": body["decision_id"],
        "x-request-id": body["request_id"],
    }.items() <= answer.headers.items()
    assert "x-pointsman-degraded" not in answer.headers


async def test_an_unsure_judgement_is_told_and_the_policy_named_for_it_applies() -> None:
    gateway = FakeGateway()
    gateway.classifier.answer = replace(judgement(), is_unsure=True)
    catalog = three_models()
    careful = {**catalog.policies, "balanced": replace(catalog.policies["balanced"], when_unsure="quality")}
    gateway.world.catalog = replace(catalog, policies=careful)
    async with gateway.client() as client:
        body = (await client.post("/route", json={"prompt": "hello", "mode": "recommend"})).json()
        chat = {"model": "auto", "messages": HELLO}
        metadata = (await client.post("/v1/chat/completions", json=chat, headers={"x-pointsman-metadata": "enabled"})).json()
        plain = (await client.post("/route", json={"prompt": "hello", "mode": "recommend", "policy": "cheap"})).json()
    assert (body["classification"]["unsure"], body["recommended_model"]["id"], body["policy"]) == (True, "strong", "balanced")
    assert body["why"]["summary"].startswith("The judgement of the prompt is unsure, so policy quality applies in place of balanced. ")
    assert (metadata["pointsman_metadata"]["unsure"], metadata["model"]) == (True, "strong")
    assert (plain["recommended_model"]["id"], "applies" in plain["why"]["summary"]) == ("small", False)


async def test_where_nothing_is_callable_all_are_ranked_and_it_is_said() -> None:
    gateway = FakeGateway()
    unset = ProviderCondition(callable=False, reason="set OPENAI_API_KEY")
    gateway.world.conditions = Conditions(providers={"openai": unset, "ollama": unset})
    async with gateway.client() as client:
        ranked = await client.post("/route", json={"prompt": "hello", "mode": "recommend"})
        refused = await client.post("/route", json={"prompt": "hello"})
    assert (ranked.json()["degraded"], ranked.headers["x-pointsman-degraded"]) == (["not_callable"], "not_callable")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_healthy_provider")
    assert "OPENAI_API_KEY" in refused.json()["error"]["message"]


async def test_generate_has_every_field_and_its_exact_cost() -> None:
    gateway = FakeGateway()
    async with gateway.client() as client:
        answer = await client.post("/route", json={"prompt": "hello", "max_tokens": 50, "constraints": {"temperature": 0.5}})
    body = answer.json()
    assert body.keys() == GenerationShape.__annotations__.keys()
    assert (body["response"], body["selected_model"]) == ("Hello there", "small")
    assert (body["finish_reason"], body["processed_at"]) == ("stop", "cloud")
    assert (body["cost_usd"], body["usage"]["cost"], answer.headers["x-pointsman-cost-usd"]) == (9e-6, 9e-6, "0.000009")
    assert (body["settled"], body["time_to_first_token_ms"]) == (True, 100.0)
    sent = json.loads(gateway.executor.calls[0].body)
    assert sent == {"messages": HELLO, "max_tokens": 50, "temperature": 0.5}


async def test_route_streams_decision_tokens_and_done() -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/route", json={"prompt": "hello", "stream": True})
    events = events_of(answer.text)
    assert [name for name, _ in events] == ["decision", "token", "token", "done"]
    assert events[0][1].keys() == RecommendationShape.__annotations__.keys()
    assert "".join(data["text"] for name, data in events if name == "token") == events[-1][1]["response"] == "Hello there"
    assert events[-1][1]["usage"]["completion_tokens"] == 20
    assert "x-pointsman-cost-usd" not in answer.headers


async def test_chat_keeps_the_providers_answer_and_adds_the_cost() -> None:
    gateway = FakeGateway()
    body = {"model": "auto", "messages": HELLO, "service_tier": "flex", "pointsman": {"policy": "quality"}, "models": []}
    async with gateway.client() as client:
        answer = await client.post("/v1/chat/completions", json=body)
    assert answer.json() == {**json.loads(answer_body("strong", "Hello there")), "usage": {
        "prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30, "cost": 0.00018,
    }}  # fmt: skip
    assert json.loads(gateway.executor.calls[0].body) == {"model": "auto", "messages": HELLO, "service_tier": "flex"}
    assert (answer.headers["x-pointsman-model"], answer.headers["x-pointsman-policy"]) == ("strong", "quality")


async def test_chat_stream_is_the_providers_chunks_and_done() -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO, "stream": True})
    expected = text_chunk("small", "Hello").events + text_chunk("small", " there").events + b"data: [DONE]\n\n"
    assert answer.content == expected
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-pointsman-cause"] == "explicit_model"


async def test_chat_stream_adds_usage_and_metadata_where_asked() -> None:
    body = {"model": "small", "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    async with FakeGateway().client() as client:
        answer = await client.post("/v1/chat/completions", json=body, headers={"x-pointsman-metadata": "enabled"})
    *_, (_, last), (_, done) = events_of(answer.text)
    assert (last["choices"], last["id"], last["model"], done) == ([], "chatcmpl-1", "small", "[DONE]")
    assert last["usage"] == {
        "prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30, "cost": 9e-6,
        "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    assert {"model": "small", "cost_usd": 9e-6, "settled": True, "fallbacks": 0}.items() <= last["pointsman_metadata"].items()


async def test_numbers_that_json_has_not_are_passed_on_as_null() -> None:
    def script(call: CompletionCall) -> list[CompletionEvent]:
        body = answer_body("small", "hi").replace(b'"index": 0', b'"index": 0, "logprobs": {"top": [-Infinity, NaN, -0.5]}')
        return [AttemptStarted(1, "small", "openai"), finished("small"), CompletionDone("stop", body)]

    async with FakeGateway(executor=FakeExecutor(script)).client() as client:
        answer = await client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO})
    assert (answer.status_code, answer.json()["choices"][0]["logprobs"]) == (200, {"top": [None, None, -0.5]})


FAILURES = {
    "provider_error": 502, "provider_bad_response": 502, "provider_auth": 502, "provider_timeout": 504, "deadline_exceeded": 504,
    "no_healthy_provider": 503, "rate_limit_exceeded": 429, "context_length_exceeded": 400, "content_filtered": 400, "invalid_value": 400,
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("reason", "status"), FAILURES.items(), ids=FAILURES)
async def test_failure_before_content_has_its_own_status(reason: str, status: int, stream: bool) -> None:  # noqa: FBT001  # a parameter
    gateway = FakeGateway(executor=FakeExecutor(fails(reason)))
    async with gateway.client() as client:
        answer = await client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO, "stream": stream})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["source"], error["provider"]) == (status, reason, "provider", "openai")


def cut(call: CompletionCall) -> list[CompletionEvent]:
    """Some content, then the provider breaks off."""
    model_id = call.candidate_model_ids[0]
    failed = CompletionFailed("provider_error", "the provider broke off", "openai", after_content=True)
    return [AttemptStarted(1, model_id, "openai"), text_chunk(model_id, "Hel"), finished(model_id, reason="provider_error"), failed]


async def test_failure_after_content_ends_the_stream_with_an_error_and_without_done() -> None:
    gateway = FakeGateway(executor=FakeExecutor(cut))
    async with gateway.client() as client:
        chat = await client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO, "stream": True})
        route = await client.post("/route", json={"prompt": "hello", "stream": True})
    assert (chat.status_code, "[DONE]" in chat.text) == (200, False)
    assert events_of(chat.text)[-1][1]["error"]["code"] == "provider_error"
    assert [name for name, _ in events_of(route.text)] == ["decision", "token", "error"]


def falls_back(call: CompletionCall) -> list[CompletionEvent]:
    """The first candidate fails after work that it bills, the second answers."""
    first, second, *_ = call.candidate_model_ids
    return [
        AttemptStarted(1, first, "openai"),
        finished(first, reason="provider_error"),
        AttemptStarted(2, second, "openai"),
        *([text_chunk(second, "Hi")] if call.stream else []),
        finished(second, number=2),
        CompletionDone("stop", None if call.stream else answer_body(second, "Hi")),
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_headers_name_the_model_that_served_and_why(stream: bool) -> None:  # noqa: FBT001  # a parameter
    gateway = FakeGateway(executor=FakeExecutor(falls_back))
    async with gateway.client() as client:
        answer = await client.post("/v1/chat/completions", json={"model": "auto", "messages": HELLO, "stream": stream})
    headers = answer.headers
    assert (headers["x-pointsman-model"], headers["x-pointsman-cause"], headers["x-pointsman-fallbacks"]) == ("strong", "fallback", "1")


async def test_without_the_ledger_answers_are_not_settled_and_with_a_full_spool_free_models_alone_answer() -> None:
    away = FakeLedger(error=Unavailable("dependency_down", "away"))
    gateway = FakeGateway(ledger=away, executor=FakeExecutor(says("hi")))
    ask, tell = {"model": "auto", "messages": HELLO}, {"x-pointsman-metadata": "enabled"}
    async with gateway.client() as client:
        spooled = await client.post("/v1/chat/completions", json=ask, headers=tell)
        gateway.spool.error = Unavailable("dependency_down", "No space left on device")
        gateway.executor.script = says("hi", provider_id="ollama")
        auto = await client.post("/v1/chat/completions", json=ask, headers=tell)
        paid = await client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO})
    assert (spooled.json()["model"], spooled.json()["pointsman_metadata"]["settled"]) == ("small", False)
    assert (auto.json()["model"], auto.json()["pointsman_metadata"]["settled"]) == ("local/tiny", False)
    assert (paid.status_code, paid.json()["error"]["code"]) == (503, "dependency_down")


async def test_a_decision_is_run_as_it_was_made() -> None:
    gateway = FakeGateway()
    async with gateway.client() as client:
        decided = (await client.post("/route", json={"prompt": "hello", "mode": "recommend", "policy": "quality"})).json()
        run = await client.post("/route", json={"prompt": "hello", "decision_id": decided["decision_id"]})
        overridden = await client.post("/route", json={"prompt": "hello", "decision_id": decided["decision_id"], "override_model": "small"})
        stale = await client.post("/route", json={"prompt": "hello!", "decision_id": decided["decision_id"]})
        read = await client.get(f"/v1/decisions/{decided['decision_id']}")
    assert (run.json()["selected_model"], run.json()["decision_id"]) == ("strong", decided["decision_id"])
    assert (run.json()["policy"], overridden.json()["policy"]) == ("quality", "quality")
    assert (overridden.json()["selected_model"], overridden.json()["cause"]) == ("small", "override")
    assert overridden.json()["decision_id"] != decided["decision_id"]
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "decision_stale")
    assert (read.json()["ranking"], read.json()["cause"]) == (decided["ranking"], "ranked")


async def test_the_callers_own_key_reaches_the_executor_and_costs_the_operator_nothing() -> None:
    gateway = FakeGateway()
    async with gateway.client() as client:
        whole = await client.post("/route", json={"prompt": "hello", "openai_api_key": "sk-own"})
        differing = await client.post(
            "/route", json={"prompt": "hello", "openai_api_key": "sk-own"}, headers={"x-openai-api-key": "sk-other"}
        )
    assert (whole.status_code, gateway.executor.calls[0].caller_api_key) == (200, "sk-own")
    assert gateway.ledger.spends == []
    assert (differing.status_code, differing.json()["error"]["code"]) == (400, "conflicting_credentials")
    assert "sk-own" not in repr(gateway.executor.calls[0])


async def test_above_the_cap_requests_are_refused_at_once() -> None:
    gateway = FakeGateway()
    parts = gateway.parts()
    async with gateway.client(parts) as client:
        parts.engine.in_flight.count = gateway.settings.max_in_flight
        whole = await client.post("/route", json={"prompt": "hello"})
        stream = await client.post("/route", json={"prompt": "hello", "stream": True})
    assert {answer.json()["error"]["code"] for answer in (whole, stream)} == {"overloaded"}
    assert (whole.status_code, stream.status_code, whole.headers["retry-after"]) == (503, 503, "1")
