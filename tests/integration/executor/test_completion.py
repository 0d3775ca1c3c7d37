"""Completions against the mock provider, over real sockets."""

import asyncio
import json
from collections.abc import Callable

import pytest

from pointsman.api.usage.v1 import usage_pb2
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import InvalidArgument, PreconditionRequired
from tests.fakes.provider.process import ProviderProcess
from tests.integration.executor.catalogs import Candidate
from tests.integration.executor.conftest import StartExecutor

SUCCEEDED = usage_pb2.ATTEMPT_OUTCOME_SUCCEEDED
FAILED = usage_pb2.ATTEMPT_OUTCOME_FAILED
CUT = usage_pb2.ATTEMPT_OUTCOME_CUT
NOWHERE = "http://127.0.0.1:9/v1"


def good(provider: ProviderProcess) -> Candidate:
    return Candidate("good", provider.base_url, "second", upstream="ok-5")


def deltas(stream: bytes) -> list[dict[str, object]]:
    lines = stream.decode().split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line]


def text_of(stream: bytes) -> str:
    return "".join(choice["delta"].get("content") or "" for event in deltas(stream) for choice in event["choices"])  # type: ignore[attr-defined]


async def test_stream_brings_the_providers_events_under_the_catalogues_name(
    start_executor: StartExecutor, provider: ProviderProcess
) -> None:
    async with start_executor([Candidate("org/small", provider.base_url, upstream="ok-20")]) as executor:
        answer = await executor.complete("org/small")
    assert answer.kinds[0] == "attempt_started"
    assert answer.kinds[-2:] == ["attempt_finished", "done"]
    assert {event["model"] for event in deltas(answer.stream)} == {"org/small"}
    assert b"[DONE]" not in answer.stream
    assert all(event["choices"] for event in deltas(answer.stream))
    attempt = answer.last_attempt.attempt
    assert (attempt.outcome, attempt.usage.output_token_count, attempt.usage.estimated) == (SUCCEEDED, 20, False)
    assert attempt.HasField("time_to_first_token")
    assert answer.done.finish_reason == "stop"
    assert json.loads(provider.stats()["last_body"])["stream_options"] == {"include_usage": True}


async def test_whole_answer_comes_in_done_with_its_usage(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("small", provider.base_url, upstream="ok-20")]) as executor:
        answer = await executor.complete("small", stream=False)
    assert answer.kinds == ["attempt_started", "attempt_finished", "done"]
    assert json.loads(answer.done.body)["model"] == "small"
    assert answer.last_attempt.attempt.usage.output_token_count == 20


@pytest.mark.parametrize(
    ("upstream", "reason"),
    [
        ("err500", "provider_error"),
        ("err401", "provider_auth"),
        ("err429-1", "rate_limit_exceeded"),
        ("err400-context", "context_length_exceeded"),
        ("unknown-model", "provider_error"),
        ("garbage-html", "provider_bad_response"),
        ("garbage-empty", "provider_bad_response"),
        ("garbage-nojson", "provider_bad_response"),
        ("s_err0", "provider_error"),
        ("s_inband", "provider_error"),
        ("s_cut-0", "provider_error"),
        ("hang", "provider_timeout"),
        ("redir", "provider_bad_response"),
    ],
)
async def test_failure_before_content_is_followed_by_the_next_candidate(
    start_executor: StartExecutor, provider: ProviderProcess, upstream: str, reason: str
) -> None:
    bad = Candidate("bad", provider.base_url, "first", upstream=upstream, timeouts_s={"first_token": 0.3})
    async with start_executor([bad, good(provider)]) as executor:
        answer = await executor.complete("bad", "good")
    assert answer.attempts == [("bad", FAILED, reason), ("good", SUCCEEDED, "")]
    assert {event["model"] for event in deltas(answer.stream)} == {"good"}
    assert answer.done.finish_reason == "stop"
    assert provider.stats()["redirect_hit_count"] == 0


@pytest.mark.parametrize("upstream", ["garbage-nochoices", "garbage-nullcontent", "garbage-html", "garbage-empty"])
async def test_whole_answer_that_is_none_is_followed_by_the_next_candidate(
    start_executor: StartExecutor, provider: ProviderProcess, upstream: str
) -> None:
    async with start_executor([Candidate("bad", provider.base_url, "first", upstream=upstream), good(provider)]) as executor:
        answer = await executor.complete("bad", "good", stream=False)
    assert answer.attempts == [("bad", FAILED, "provider_bad_response"), ("good", SUCCEEDED, "")]


@pytest.mark.parametrize("kind", ["missing", "negative", "huge", "string"])
@pytest.mark.parametrize("form", ["whole", "stream"])
async def test_usage_that_can_not_be_true_is_replaced_by_an_estimate(
    start_executor: StartExecutor, provider: ProviderProcess, kind: str, form: str
) -> None:
    async with start_executor([Candidate("small", provider.base_url, upstream=f"garbage-usage_{kind}")]) as executor:
        answer = await executor.complete("small", stream=form == "stream")
    usage = answer.last_attempt.attempt.usage
    assert (answer.done.finish_reason, usage.estimated) == ("stop", True)
    assert 0 < usage.input_token_count < 100
    assert 0 < usage.output_token_count < 100


async def test_refused_connection_is_followed_by_the_next_candidate(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("bad", NOWHERE, "first"), good(provider)]) as executor:
        answer = await executor.complete("bad", "good")
        assert answer.attempts == [("bad", FAILED, "provider_error"), ("good", SUCCEEDED, "")]
        assert not answer.events[1].attempt_finished.attempt.HasField("provider_status_code")


async def test_open_breaker_lets_one_probe_through_and_fails_the_others_at_once(
    start_executor: StartExecutor, provider: ProviderProcess
) -> None:
    bad = Candidate("bad", provider.base_url, upstream="hang", timeouts_s={"first_token": 0.2})
    async with start_executor([bad]) as executor:
        before = await asyncio.gather(*(executor.complete("bad", max_attempts=1) for _ in range(5)))
        after = await asyncio.gather(*(executor.complete("bad", max_attempts=1) for _ in range(5)))
    assert {answer.failed.reason for answer in before} == {"provider_timeout"}
    assert sorted(answer.failed.reason for answer in after) == ["no_healthy_provider"] * 4 + ["provider_timeout"]
    refused = next(answer.failed for answer in after if answer.failed.reason == "no_healthy_provider")
    assert 0 < refused.retry_after.ToNanoseconds() <= 60e9


@pytest.mark.parametrize(
    ("upstream", "reason"),
    [("s_cut-3", "provider_error"), ("s_cut-3-rst", "provider_error"), ("s_inband-3", "provider_error"), ("s_nofinish", "provider_error")],
)
async def test_answer_that_breaks_after_content_fails_without_another_provider(
    start_executor: StartExecutor, provider: ProviderProcess, upstream: str, reason: str
) -> None:
    async with start_executor([Candidate("bad", provider.base_url, "first", upstream=upstream), good(provider)]) as executor:
        answer = await executor.complete("bad", "good")
    assert answer.attempts == [("bad", CUT, reason)]
    assert (answer.failed.reason, answer.failed.after_content, answer.failed.provider_id) == (reason, True, "first")
    assert text_of(answer.stream)
    assert answer.last_attempt.attempt.usage.estimated


async def test_stall_after_content_is_a_timeout_and_closes_the_call(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    bad = Candidate("bad", provider.base_url, "first", upstream="s_stall-3", timeouts_s={"idle": 0.3})
    async with start_executor([bad, good(provider)]) as executor:
        answer = await executor.complete("bad", "good")
        assert (answer.failed.reason, answer.failed.after_content) == ("provider_timeout", True)
        assert await eventually(lambda: provider.stats()["concurrent_count"] == 0)


async def test_answer_without_end_is_cut_and_says_length(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("loops", provider.base_url, upstream="s_loop")]) as executor:
        answer = await executor.complete("loops")
    assert answer.done.finish_reason == "length"
    assert deltas(answer.stream)[-1]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length"}]
    assert 2_000 < len(text_of(answer.stream)) < 20_000


async def test_cancelling_closes_the_providers_connection(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("slow", provider.base_url, upstream="pace-100")]) as executor:
        request = executor.request("slow")
        async with executor.channel.stream(executor.stub.StreamCompletion, request, deadline=Deadline.after(20)) as events:
            async for event in events:
                if event.HasField("chunk"):
                    break
        assert await eventually(lambda: provider.stats()["hangup_count"] == 1)
        assert (await executor.complete("slow")).done.finish_reason == "stop"


async def test_deadline_of_the_request_ends_the_call_with_its_own_reason(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("slow", provider.base_url, upstream="hang"), good(provider)]) as executor:
        answer = await executor.complete("slow", "good", timeout_s=0.5)
    assert answer.attempts == [("slow", FAILED, "deadline_exceeded")]
    assert answer.failed.reason == "deadline_exceeded"


async def test_deadline_of_the_request_ends_a_stream_under_way(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("stalls", provider.base_url, upstream="s_stall-3"), good(provider)]) as executor:
        answer = await executor.complete("stalls", "good", timeout_s=0.5)
    assert answer.attempts == [("stalls", CUT, "deadline_exceeded")]
    assert (answer.failed.reason, answer.failed.after_content) == ("deadline_exceeded", True)


async def test_key_that_met_its_limit_cools_and_gets_no_request(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    limited = Candidate("limited", provider.base_url, "first", upstream="err429-3600")
    async with start_executor([limited, good(provider)]) as executor:
        assert (await executor.complete("limited")).failed.reason == "rate_limit_exceeded"
        again = await executor.complete("limited")
        served = await executor.complete("limited", "good")
    assert (again.kinds, again.failed.reason, again.failed.retry_after.ToSeconds()) == (["failed"], "rate_limit_exceeded", 60)
    assert served.attempts == [("good", SUCCEEDED, "")]
    assert provider.stats()["requests_by_model"]["err429-3600"] == 1


async def test_refused_key_is_not_used_again_until_the_configuration_changes(
    start_executor: StartExecutor, provider: ProviderProcess
) -> None:
    async with start_executor([Candidate("locked", provider.base_url, upstream="err401")]) as executor:
        first, second = await executor.complete("locked"), await executor.complete("locked")
        state = (await executor.states())["p"]
        executor.republish()
        third = await executor.complete("locked")
    assert [len(answer.attempts) for answer in (first, second, third)] == [1, 0, 1]
    assert {answer.failed.reason for answer in (first, second, third)} == {"provider_auth"}
    assert (state.callable, "env:KEY" in state.not_callable_reason) == (False, True)


async def test_unknown_version_and_model_are_refused_before_any_call(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([good(provider)]) as executor:
        with pytest.raises(InvalidArgument):
            await executor.complete("no-such-model")
        with pytest.raises(InvalidArgument):
            await executor.complete("good", body=b"[1]")
        executor.version = 7
        with pytest.raises(PreconditionRequired):
            await executor.complete("good")
    assert provider.stats()["request_count"] == 0


async def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it becomes true: the mock notices a closed connection a moment later."""
    for _ in range(100):
        if await asyncio.to_thread(holds):
            return True
        await asyncio.sleep(0.02)
    return False
