import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pointsman.classifier.engine.single_flight import SingleFlight


class Work:
    """Work that is done when the test says so."""

    def __init__(self) -> None:
        self.start_count = 0
        self.cancelled_count = 0
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.start_count += 1
        try:
            return await asyncio.shield(self.done)
        except asyncio.CancelledError:
            self.cancelled_count += 1
            raise


@asynccontextmanager
async def flights_of() -> AsyncIterator[SingleFlight[str]]:
    flights: SingleFlight[str] = SingleFlight()
    try:
        yield flights
    finally:
        await flights.aclose()


async def settled() -> None:
    """Let all that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_work_asked_for_by_many_is_done_once() -> None:
    async with flights_of() as flights:
        work = Work()
        callers = [asyncio.create_task(flights.run("key", work)) for _ in range(500)]
        await settled()
        work.done.set_result("answer")
        assert set(await asyncio.gather(*callers)) == {"answer"}
    assert work.start_count == 1


async def test_other_key_is_other_work() -> None:
    async with flights_of() as flights:
        one, other = Work(), Work()
        callers = [asyncio.create_task(flights.run("one", one)), asyncio.create_task(flights.run("other", other))]
        await settled()
        one.done.set_result("1")
        other.done.set_result("2")
        assert await asyncio.gather(*callers) == ["1", "2"]


async def test_finished_work_is_done_anew_for_who_comes_later() -> None:
    async with flights_of() as flights:
        work = Work()
        work.done.set_result("answer")
        await flights.run("key", work)
        assert "key" not in flights
        await flights.run("key", work)
    assert work.start_count == 2


async def test_caller_who_came_first_may_go_without_harm_to_the_others() -> None:
    async with flights_of() as flights:
        work = Work()
        first, second = (asyncio.create_task(flights.run("key", work)) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        work.done.set_result("answer")
        assert await second == "answer"
        with pytest.raises(asyncio.CancelledError):
            await first
    assert (work.start_count, work.cancelled_count) == (1, 0)


async def test_work_that_nobody_waits_for_is_cancelled_and_begun_anew_for_the_next() -> None:
    async with flights_of() as flights:
        work = Work()
        callers = [asyncio.create_task(flights.run("key", work)) for _ in range(2)]
        await settled()
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        assert "key" not in flights
        late = asyncio.create_task(flights.run("key", work))
        await settled()
        work.done.set_result("answer")
        assert await late == "answer"
    assert (work.start_count, work.cancelled_count) == (2, 1)


async def test_failure_is_told_to_all_who_wait() -> None:
    async with flights_of() as flights:
        work = Work()
        callers = [asyncio.create_task(flights.run("key", work)) for _ in range(3)]
        await settled()
        work.done.set_exception(ValueError("broken"))
        answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError] * 3


async def test_closing_ends_what_is_under_way() -> None:
    async with flights_of() as flights:
        work = Work()
        caller = asyncio.create_task(flights.run("key", work))
        await settled()
        await flights.aclose()
        with pytest.raises(asyncio.CancelledError):
            await caller
    assert work.cancelled_count == 1
