import asyncio
import itertools

import pytest

from pointsman.kit.errors import Unavailable
from pointsman.kit.grpc_hedging import MAX_MORE_CALLS, MORE_CALLS, MORE_CALLS_SHARE, USUAL_COUNT, Hedging

SOON_S = 0.0
LATE_S = 60.0


class Replicas:
    """Those of `stuck` never answer, in the order in which they are called; the others tell their number."""

    def __init__(self, *stuck: int, failing: tuple[int, ...] = ()) -> None:
        self.stuck = stuck
        self.failing = failing
        self.called_count = 0
        self.cancelled: list[int] = []

    async def call(self) -> int:
        number = self.called_count
        self.called_count += 1
        if number in self.failing:
            raise Unavailable("dependency_down", f"replica {number}")
        if number in self.stuck:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(number)
                raise
        return number


async def experienced(answer_s: float = 0.0) -> Hedging:
    """Hedging that has seen answers, each of which took so long."""
    clock = itertools.count(step=answer_s)
    hedging = Hedging(now_s=lambda: float(next(clock)))
    for _ in range(USUAL_COUNT):
        await hedging.first_answer(Replicas().call, after_s=LATE_S, until_s=LATE_S)
    return hedging


async def test_an_answer_in_time_is_the_only_call() -> None:
    replicas = Replicas()
    assert await Hedging().first_answer(replicas.call, after_s=LATE_S, until_s=LATE_S) == 0
    assert replicas.called_count == 1


async def test_two_more_replicas_are_asked_where_one_takes_long_and_one_of_them_is_enough() -> None:
    replicas = Replicas(0, 1)
    assert await (await experienced()).first_answer(replicas.call, after_s=SOON_S, until_s=LATE_S) == 2
    assert replicas.called_count == 1 + MORE_CALLS
    await asyncio.sleep(0)
    assert replicas.cancelled == [], "to the balancer they would have failed"


async def test_all_calls_end_where_the_caller_leaves() -> None:
    replicas = Replicas(0, 1, 2)
    hedging = await experienced()
    asking = asyncio.create_task(hedging.first_answer(replicas.call, after_s=SOON_S, until_s=LATE_S))
    for _ in range(20):  # all that can be done without any answer
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert replicas.cancelled == [0, 1, 2]


async def test_a_failure_of_the_only_call_is_told_at_once() -> None:
    with pytest.raises(Unavailable, match="replica 0"):
        await Hedging().first_answer(Replicas(failing=(0,)).call, after_s=LATE_S, until_s=LATE_S)


async def test_a_failure_among_several_calls_is_not_told_where_another_answers() -> None:
    assert await (await experienced()).first_answer(Replicas(0, failing=(1,)).call, after_s=SOON_S, until_s=LATE_S) == 2


async def test_more_calls_stop_where_every_replica_is_slow() -> None:
    callers = 1_000
    replicas = Replicas(*range(callers + round(MAX_MORE_CALLS + callers * MORE_CALLS_SHARE)))
    hedging = await experienced()
    calling = [asyncio.create_task(hedging.first_answer(replicas.call, after_s=SOON_S, until_s=LATE_S)) for _ in range(callers)]
    for _ in range(20):  # all that can be done without any answer
        await asyncio.sleep(0)
    assert callers + MAX_MORE_CALLS <= replicas.called_count <= len(replicas.stuck)
    for one in calling:
        one.cancel()
    await asyncio.gather(*calling, return_exceptions=True)
    assert len(replicas.cancelled) == replicas.called_count


@pytest.mark.parametrize("hedging", ["usually slow", "new"])
async def test_no_more_calls_where_answers_usually_take_as_long_or_nothing_is_known(hedging: str) -> None:
    asked = await experienced(answer_s=1.0) if hedging == "usually slow" else Hedging()
    replicas = Replicas(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asked.first_answer(replicas.call, after_s=SOON_S, until_s=0.001)
    assert replicas.called_count == 1
