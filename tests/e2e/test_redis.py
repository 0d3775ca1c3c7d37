"""The shared cache as a client sees it: in header and object, and gone without being missed."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.manual import ask
from tests.e2e.stack import Stack, start_services
from tests.integration.classifier.redis_server import RedisServer, redis_server

PROMPT = {"prompt": "Explain how a hash table resolves collisions", "mode": "recommend"}


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def stack(redis: RedisServer, environment: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    # The gateway's own memory would answer first; as it keeps none, "off" is what it says of a judgement that was made anew.
    own = {"gateway": {"CACHE_TTL": "0"}, "classifier": {"REDIS_URL": redis.url}}
    running = start_services(tmp_path, {**environment, "POINTSMAN_VAR_DIR": str(tmp_path / "var")}, own)
    yield running
    running.stop()


def found(stack: Stack) -> str:
    """Where the judgement came from, as the header and the object say alike."""
    status, answer, headers = ask(f"{stack.url}/route", PROMPT)
    assert (status, answer["degraded"]) == (200, [])
    assert headers["x-pointsman-cache"] == answer["classification"]["cache"]
    cache: str = answer["classification"]["cache"]
    return cache


def await_found(stack: Stack, cache: str, *, within_s: float) -> float:
    """Seconds until it comes from there."""
    start_s = time.monotonic()
    while found(stack) != cache:
        assert time.monotonic() - start_s < within_s
        time.sleep(0.05)
    return time.monotonic() - start_s


def latencies_ms(stack: Stack, count: int) -> list[float]:
    """Of that many decisions, in order."""
    timed = []
    for _ in range(count):
        start_s = time.monotonic()
        found(stack)
        timed.append((time.monotonic() - start_s) * 1e3)
    return timed


async def test_hits_are_shown_and_a_redis_that_freezes_or_dies_costs_no_answer(stack: Stack, redis: RedisServer) -> None:
    assert found(stack) == "off"
    await_found(stack, "hit", within_s=5)  # it is written beside the answer
    hits = sorted(latencies_ms(stack, 50))
    redis.freeze()
    frozen = latencies_ms(stack, 60)
    redis.thaw()
    back_s = await_found(stack, "hit", within_s=8)
    await redis.kill()
    killed = latencies_ms(stack, 50)
    assert found(stack) == "off"
    await redis.start()
    await_found(stack, "hit", within_s=8)
    print(f"\nhit p50 {hits[25]:.1f} p95 {hits[47]:.1f} ms; frozen, the first {[round(one) for one in frozen[:8]]} ms")
    print(f"then p95 {sorted(frozen[8:])[49]:.1f} ms; back after {back_s:.1f} s; killed p95 {sorted(killed)[47]:.1f} ms")
