"""Many wait for one flush."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pointsman.kit.errors import Overloaded, Unavailable
from pointsman.ledger.adapters.group_commit import GroupCommit


class Disk:
    """Takes batches, one at a time, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.free = threading.Semaphore(0)
        self.failure: Exception | None = None

    def flush(self, items: Sequence[Any]) -> list[Any]:
        self.free.acquire()
        self.batches.append(list(items))
        if self.failure is not None:
            raise self.failure
        return [ValueError(item) if str(item).startswith("bad") else f"done {item}" for item in items]


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def queue(disk: Disk, executor: ThreadPoolExecutor) -> AsyncIterator[GroupCommit]:
    queue = GroupCommit(disk.flush, executor=executor, max_waiting=3)
    async with asyncio.TaskGroup() as group:
        group.create_task(queue.run())
        yield queue
        disk.free.release(100)
        queue.close()


async def submitted(queue: GroupCommit, *items: str) -> list[asyncio.Task[Any]]:
    """Tasks that wait for their items; all stand in the queue or are under way."""
    tasks = [asyncio.ensure_future(queue.submit(item)) for item in items]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_arrives_during_a_flush_goes_into_the_next_together(queue: GroupCommit, disk: Disk) -> None:
    first = await submitted(queue, "a")
    others = await submitted(queue, "b", "c", "d")
    disk.free.release(2)
    assert await asyncio.gather(*first, *others) == ["done a", "done b", "done c", "done d"]
    assert disk.batches == [["a"], ["b", "c", "d"]]


async def test_full_queue_turns_away(queue: GroupCommit) -> None:
    tasks = await submitted(queue, "under way")
    tasks += await submitted(queue, "b", "c", "d")
    with pytest.raises(Overloaded):
        await queue.submit("one too many")
    for task in tasks:
        task.cancel()


async def test_one_items_failure_is_its_callers_alone(queue: GroupCommit, disk: Disk) -> None:
    tasks = await submitted(queue, "a", "bad", "c")
    disk.free.release(2)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["done a", "bad", "done c"]


async def test_failed_flush_is_everybodys_and_the_next_one_works(queue: GroupCommit, disk: Disk) -> None:
    disk.failure = Unavailable("dependency_down", "no disk")
    tasks = await submitted(queue, "a", "b")
    disk.free.release(1)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    disk.failure = None
    disk.free.release(1)
    assert await queue.submit("c") == "done c"


async def test_item_whose_caller_has_gone_is_not_handled(queue: GroupCommit, disk: Disk) -> None:
    first = await submitted(queue, "a")
    gone, stays = await submitted(queue, "gone", "stays")
    gone.cancel()
    disk.free.release(2)
    await asyncio.gather(*first, stays)
    assert disk.batches == [["a"], ["stays"]]


async def test_closing_handles_what_waits_and_takes_no_more(disk: Disk, executor: ThreadPoolExecutor) -> None:
    queue = GroupCommit(disk.flush, executor=executor, max_waiting=9)
    running = asyncio.ensure_future(queue.run())
    tasks = await submitted(queue, "a")
    tasks += await submitted(queue, "b")
    queue.close()
    with pytest.raises(Unavailable):
        await queue.submit("too late")
    disk.free.release(2)
    await running
    assert [task.result() for task in tasks] == ["done a", "done b"]
