"""Providers that are away, slow, flapping or at their limit: what callers get, and what the provider is spared."""

import asyncio
import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from pointsman.api.usage.v1 import usage_pb2
from pointsman.executor.core.breaker import BASE_EJECTION_S
from tests.fakes.provider.process import ProviderProcess, start_provider
from tests.integration.executor.catalogs import Candidate
from tests.integration.executor.conftest import Answer, ExecutorClient, StartExecutor
from tests.integration.executor.test_completion import FAILED, NOWHERE, SUCCEEDED, eventually, good


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Base URL of an address whose connections are never taken: its queue is full, so the system drops what comes."""
    with closing(socket.socket()) as listener, closing(socket.socket()) as first, closing(socket.socket()) as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


async def timed(executor: ExecutorClient, *models: str) -> tuple[Answer, float]:
    start_s = time.perf_counter()
    answer = await executor.complete(*models)
    return answer, time.perf_counter() - start_s


async def test_refused_connections_cost_little_and_after_five_the_breaker_spares_them(
    start_executor: StartExecutor, provider: ProviderProcess
) -> None:
    async with start_executor([Candidate("bad", NOWHERE, "first"), good(provider)]) as executor:
        direct = [await timed(executor, "good") for _ in range(10)]
        around = [await timed(executor, "bad", "good") for _ in range(10)]
    assert {answer.done.finish_reason for answer, _ in around} == {"stop"}
    assert [len(answer.attempts) for answer, _ in around] == [2] * 5 + [1] * 5
    added_s = statistics.median(seconds for _, seconds in around[:5]) - statistics.median(seconds for _, seconds in direct)
    print(f"a refused connection adds {added_s * 1e3:.1f} ms")


async def test_connection_that_is_never_taken_is_given_up_in_time(
    start_executor: StartExecutor, provider: ProviderProcess, black_hole: str
) -> None:
    bad = Candidate("bad", black_hole, "first", timeouts_s={"connect": 0.3})
    async with start_executor([bad, good(provider)]) as executor:
        answer = await executor.complete("bad", "good")
    assert answer.attempts == [("bad", FAILED, "provider_timeout"), ("good", SUCCEEDED, "")]


async def test_silence_of_all_providers_is_a_timeout(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    silent = [Candidate(name, provider.base_url, name, upstream="hang", timeouts_s={"first_token": 0.3}) for name in ("a", "b")]
    async with start_executor(silent) as executor:
        answer = await executor.complete("a", "b")
        assert await eventually(lambda: provider.stats()["concurrent_count"] == 0)
    assert answer.attempts == [("a", FAILED, "provider_timeout"), ("b", FAILED, "provider_timeout")]
    assert answer.failed.reason == "provider_timeout"
    assert provider.stats()["hangup_count"] == 2


@pytest.mark.parametrize("upstream", ["err500-10", "err500-50", "err500"])
async def test_failing_provider_is_invisible_behind_a_good_one_and_is_not_hit_harder(
    start_executor: StartExecutor, provider: ProviderProcess, upstream: str
) -> None:
    count = 100
    async with start_executor([Candidate("bad", provider.base_url, "first", upstream=upstream), good(provider)]) as executor:
        answers = [await executor.complete("bad", "good", stream=False) for _ in range(count)]
    outcomes = Counter(answer.kinds[-1] for answer in answers)
    attempt_count = sum(len(answer.attempts) for answer in answers)
    print(f"{upstream}: {attempt_count / count:.2f} calls a request")
    assert outcomes == {"done": count}
    assert attempt_count <= 1.2 * count


@pytest.mark.parametrize(
    ("wish", "at_least_s", "at_most_s"),
    [
        ("-1", 0, 1),
        ("-30", 20, 30),
        ("-3600", 60, 60),
        ("", 0, 1),
        ("-Wed, 21 Oct 2015 07:28:00 GMT", 0, 1),
        ("--5", 0, 1),
        ("-soon", 0, 1),
    ],
)
async def test_limit_is_kept_as_long_as_it_makes_sense_to(
    start_executor: StartExecutor, provider: ProviderProcess, wish: str, at_least_s: float, at_most_s: float
) -> None:
    async with start_executor([Candidate("limited", provider.base_url, upstream=f"err429{wish}")]) as executor:
        refused = await executor.complete("limited", max_attempts=1)
        again = await executor.complete("limited", max_attempts=1)
    assert {answer.failed.reason for answer in (refused, again)} == {"rate_limit_exceeded"}
    assert at_least_s <= refused.failed.retry_after.ToNanoseconds() / 1e9 <= at_most_s
    assert [len(answer.attempts) for answer in (refused, again)] == [1, 0]
    assert provider.stats()["request_count"] == 1


async def test_limits_everywhere_are_told_with_the_shortest_wait(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    limited = [Candidate(f"m{wait_s}", provider.base_url, f"p{wait_s}", upstream=f"err429-{wait_s}") for wait_s in (50, 30)]
    async with start_executor(limited) as executor:
        answer = await executor.complete("m50", "m30")
    assert (answer.failed.reason, len(answer.attempts)) == ("rate_limit_exceeded", 2)
    assert 25 <= answer.failed.retry_after.ToNanoseconds() / 1e9 <= 30


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_byte_at_a_time_is_no_answer(start_executor: StartExecutor, provider: ProviderProcess, stream: bool) -> None:  # noqa: FBT001
    dripping = Candidate("drips", provider.base_url, upstream="drip-20", timeouts_s={"total": 0.8, "idle": 0.5})
    async with start_executor([dripping]) as executor:
        answer = await executor.complete("drips", stream=stream, max_attempts=1)
        assert await eventually(lambda: provider.stats()["concurrent_count"] == 0)
    assert answer.failed.reason == "provider_timeout"
    assert provider.stats()["hangup_count"] == 1


async def test_whole_answer_that_breaks_off_is_counted_for_what_came_of_it(
    start_executor: StartExecutor, provider: ProviderProcess
) -> None:
    dripping = Candidate("drips", provider.base_url, "first", upstream="drip-20", timeouts_s={"total": 0.8})
    async with start_executor([dripping, good(provider)]) as executor:
        answer = await executor.complete("drips", "good", stream=False)
    attempts = [event.attempt_finished.attempt for event in answer.events if event.HasField("attempt_finished")]
    assert answer.attempts == [("drips", FAILED, "provider_timeout"), ("good", SUCCEEDED, "")]
    assert attempts[0].usage.estimated
    assert 0 < attempts[0].usage.output_token_count < 100
    assert len(provider.bill()["entries"]) == 2  # it was billed, too


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_answer_that_comes_too_late_is_hung_up_on_at_once(
    start_executor: StartExecutor,
    provider: ProviderProcess,
    stream: bool,  # noqa: FBT001
) -> None:
    late = Candidate("late", provider.base_url, "first", upstream="late-60", timeouts_s={"total": 0.3})
    async with start_executor([late, good(provider)]) as executor:
        answer = await executor.complete("late", "good", stream=stream)
        assert await eventually(lambda: provider.stats()["hangup_count"] == 1)
    assert answer.attempts == [("late", FAILED, "provider_timeout"), ("good", SUCCEEDED, "")]
    assert provider.stats()["concurrent_count"] == 0
    first = next(event.attempt_finished.attempt for event in answer.events if event.HasField("attempt_finished"))
    assert not first.HasField("usage")  # nothing of it was seen


async def test_request_whose_time_is_over_leaves_no_call_behind(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("late", provider.base_url, upstream="late-60")]) as executor:
        answer = await executor.complete("late", stream=False, timeout_s=0.6)
        assert await eventually(lambda: provider.stats()["hangup_count"] == 1)
    assert answer.failed.reason == "deadline_exceeded"


async def test_provider_that_comes_back_is_served_from_at_once_and_was_probed_one_at_a_time(start_executor: StartExecutor) -> None:
    with start_provider() as before:
        async with start_executor([Candidate("only", before.base_url, upstream="ok")]) as executor:
            assert (await executor.complete("only")).done.finish_reason == "stop"
            before.stop()
            away = [await executor.complete("only", max_attempts=1) for _ in range(5)]
            behind = await asyncio.gather(*(executor.complete("only", max_attempts=1) for _ in range(20)))
            with start_provider(port=before.port) as after:
                first = await executor.complete("only", max_attempts=1)
                rest = await asyncio.gather(*(executor.complete("only", max_attempts=1) for _ in range(20)))
                request_count = after.stats()["request_count"]
    assert {answer.failed.reason for answer in away} == {"provider_error"}
    # A connection is refused so fast that one probe may end before the next call begins.
    assert {answer.failed.reason for answer in behind} <= {"provider_error", "no_healthy_provider"}
    assert all(0 < answer.failed.retry_after.ToNanoseconds() <= BASE_EJECTION_S * 1e9 for answer in behind)
    assert [answer.kinds[-1] for answer in (first, *rest)] == ["done"] * 21
    assert request_count == 21


async def test_name_that_does_not_resolve_fails_its_own_calls_alone(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    lost = Candidate("lost", "https://no-such-name.invalid/v1", "lost", timeouts_s={"connect": 1.0})
    async with start_executor([lost, good(provider)]) as executor:
        answer = await executor.complete("lost", "good")
    assert answer.attempts[1] == ("good", SUCCEEDED, "")
    assert answer.attempts[0][1:] in [(FAILED, "provider_error"), (FAILED, "provider_timeout")]  # as the tester's network answers


@pytest.mark.parametrize("upstream", ["s_cut-3", "s_stall-3", "s_inband-3"])
async def test_what_was_seen_of_a_broken_stream_is_counted_once_as_the_provider_bills_it(
    start_executor: StartExecutor, provider: ProviderProcess, upstream: str
) -> None:
    bad = Candidate("bad", provider.base_url, "first", upstream=upstream, timeouts_s={"idle": 0.3})
    async with start_executor([bad, good(provider)]) as executor:
        answer = await executor.complete("bad", "good")
    assert answer.attempts[0][:2] == ("bad", usage_pb2.ATTEMPT_OUTCOME_CUT)
    (billed,) = provider.bill()["entries"]
    usage = answer.last_attempt.attempt.usage
    assert (billed["completion_tokens"], usage.estimated) == (3, True)
    assert 1 <= usage.output_token_count <= 3
