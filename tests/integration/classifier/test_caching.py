"""The classifier's cache as a caller sees it, over real gRPC, with the real encoder and a real Redis."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import pytest
from structlog.testing import capture_logs

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.classifier.adapters.redis_cache import ANSWER_S
from pointsman.classifier.core.breaker import PROBE_PAUSE_S
from pointsman.kit.deadline import Deadline
from tests.integration.classifier.redis_server import RedisServer, eventually, redis_server
from tests.integration.classifier.test_redis_cache import SLACK_S, tell
from tests.integration.classifier.test_service import Client, connect, settings_for

CANARY = "zanzibar canary 7f3a"
PROMPT = f"Write a Python function to sort the list of {CANARY}"


async def classify_in(client: Client, scope: str, text: str = PROMPT) -> pb.Classification:
    request = pb.ClassifyPromptRequest(prompt=pb.PromptInput(text=text, cache_scope=scope))
    return (await client.channel.call(client.stub.ClassifyPrompt, request, deadline=Deadline.after(5))).classification


def without_times(found: pb.Classification) -> pb.Classification:
    copy = pb.Classification()
    copy.CopyFrom(found)
    copy.ClearField("timings")
    copy.ClearField("cache_hit")
    return copy


async def timed(client: Client, text: str) -> float:
    start_s = time.monotonic()
    assert (await client.classify(text)).category
    return time.monotonic() - start_s


async def test_without_redis_a_second_call_is_answered_from_memory(var_dir: Path) -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir))
        made, found = await client.classify(PROMPT), await client.classify(PROMPT)
    assert (made.cache_hit, found.cache_hit) == (False, True)
    assert without_times(made) == without_times(found)
    assert found.timings.embed.nanos == found.timings.queue.nanos == 0
    assert found.timings.total.nanos > 0


async def test_time_to_live_of_0_switches_it_off(var_dir: Path) -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir, cache_ttl_s=0))
        assert [(await client.classify(PROMPT)).cache_hit for _ in range(2)] == [False, False]


async def test_replicas_share_what_one_of_them_judged_and_redis_learns_no_text(var_dir: Path, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server, AsyncExitStack() as stack:
        one, other = [await connect(stack, settings_for(var_dir, redis_url=server.url)) for _ in range(2)]
        made = await one.classify(PROMPT)
        await eventually(lambda: server.has_keys(1))
        found = await other.classify(PROMPT)
        (key,) = await server.keys()
        value = await server.ask("GET", key)
    assert (made.cache_hit, found.cache_hit) == (False, True)
    assert without_times(made) == without_times(found)
    assert all(word.encode() not in key + value for word in CANARY.split())


async def test_strangers_share_nothing(var_dir: Path, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server, AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir, redis_url=server.url))
        hits = [(await classify_in(client, scope)).cache_hit for scope in ("a", "b", "a", "b", "")]
        await eventually(lambda: server.has_keys(3))
    assert hits == [False, False, True, True, False]


async def test_poisoned_values_are_ignored_and_replaced(var_dir: Path, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server, AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir, redis_url=server.url))
        good = await classify_in(client, "a")
        await eventually(lambda: server.has_keys(1))
        (own,) = await server.keys()
        await classify_in(client, "b", "Write a poem about the sea")
        await eventually(lambda: server.has_keys(2))
        (foreign,) = set(await server.keys()) - {own}
        foreign_value = (await server.ask("GET", foreign)).split(b"\r\n", 1)[1][:-2]
        own_value = (await server.ask("GET", own)).split(b"\r\n", 1)[1][:-2]
        for poison in (b"{bad", b"", b"\x00" * 5_000, foreign_value, own_value.replace(b"coding", b"xoding"), own_value[:-1]):
            await server.ask("SET", own, poison)
            found = await classify_in(client, "a")
            assert not found.cache_hit
            assert without_times(found) == without_times(good)
            await eventually(lambda: is_kept(server, own, own_value))
        assert (await classify_in(client, "a")).cache_hit


async def is_kept(server: RedisServer, key: bytes, value: bytes) -> bool:
    return (await server.ask("GET", key)).split(b"\r\n", 1)[1][:-2] == value


async def test_stampede_on_a_cold_prompt_is_judged_once_in_each_process(var_dir: Path, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server, AsyncExitStack() as stack:
        replicas = [await connect(stack, settings_for(var_dir, redis_url=server.url)) for _ in range(2)]
        answers = await asyncio.gather(*(replicas[index % 2].classify(PROMPT) for index in range(500)))
        await eventually(lambda: server.has_keys(1))
        embeds = {(one.timings.embed.nanos, one.timings.tokenize.nanos) for one in answers if not one.cache_hit}
    assert len({one.category for one in answers}) == 1
    assert len(embeds) <= 2  # each encoding took its own time


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_redis_that_fails_costs_no_answer_and_little_time(var_dir: Path, tmp_path: Path, fault: str) -> None:
    with capture_logs() as logs:
        async with redis_server(tmp_path) as server, AsyncExitStack() as stack:
            client = await connect(stack, settings_for(var_dir, redis_url=server.url))
            await client.classify(PROMPT)
            await eventually(lambda: server.has_keys(1))
            before = [await timed(client, f"{PROMPT} {index}") for index in range(50)]
            if fault == "killed":
                await server.kill()
            else:
                server.freeze()
            first = [await timed(client, f"{PROMPT} again {index}") for index in range(5)]
            then = [await timed(client, f"{PROMPT} once more {index}") for index in range(50)]
            missed = await client.classify(PROMPT)
            assert (missed.cache_hit, missed.method) == (False, pb.CLASSIFICATION_METHOD_HYBRID)
            assert list((await client.status()).status.degraded) == ["cache_unavailable"]
            if fault == "killed":
                await server.start()
            else:
                server.thaw()
            back_s = await eventually(lambda: any(line["event"] == "cache_back" for line in logs), within_s=PROBE_PAUSE_S + 1 + SLACK_S)
            assert list((await client.status()).status.degraded) == []
    tell(f"{fault}, before", before)
    print(f"{fault}, the first: " + " ".join(f"{one * 1e3:.1f}" for one in first) + " ms")
    tell(f"{fault}, then", then)
    print(f"back after {back_s:.2f} s")
    assert max(first) <= ANSWER_S + SLACK_S
    assert median(then) <= median(before) + ANSWER_S / 2
    assert [line["event"] for line in logs if line["log_level"] == "warning" and "cache" in line["event"]] == ["cache_away", "cache_back"]


async def test_batch_finds_what_is_kept_and_judges_the_rest(var_dir: Path, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server, AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir, redis_url=server.url))
        await client.classify_all(PROMPT, "Write a poem about the sea")
        await eventually(lambda: server.has_keys(2))
        found = await client.classify_all("Write a poem about the sea", "What is the capital of France?", PROMPT)
    assert [one.cache_hit for one in found] == [True, False, True]


async def test_no_text_is_logged(var_dir: Path, tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with redis_server(tmp_path) as server, AsyncExitStack() as stack:
            client = await connect(stack, settings_for(var_dir, redis_url=server.url))
            await client.classify(PROMPT)
            await server.kill()
            for index in range(4):
                await client.classify(f"{PROMPT} {index}")
    assert CANARY.split()[1] not in repr(logs)
