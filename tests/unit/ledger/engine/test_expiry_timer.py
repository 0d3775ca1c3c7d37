"""Spends end by themselves, by a clock that nobody sets."""

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest
from prometheus_client import CollectorRegistry

from pointsman.kit.logging import get_logger
from pointsman.ledger.core.booking import open_spend
from pointsman.ledger.core.spend import Spend, SpendState
from pointsman.ledger.engine.expiry_timer import MAX_TIME_TO_LIVE_S, ExpiryTimer
from pointsman.ledger.engine.metrics import LedgerMetrics
from tests.unit.ledger.books import a_spend
from tests.unit.ledger.stores import MemoryStore, StillClock

HOUR_NS = 3_600 * 10**9


class Running:
    """A timer at work over a store in memory. Its clock stands still, so it wakes only when something is watched."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), StillClock()
        self.registry = CollectorRegistry()
        metrics = LedgerMetrics(self.registry)
        self.timer = ExpiryTimer(self.store, metrics=metrics, log=get_logger("ledger"), now_s=self.clock.now_s, now_ns=self.clock.now_ns)

    def open(self, spend_id: str, time_to_live_s: float) -> None:
        self.timer.watch(spend_id, time_to_live_s)
        open_spend(self.store.books, a_spend(spend_id, 100))

    async def wake(self) -> None:
        """Let the timer look at the clock: something nearer than all else is watched, and gone."""
        self.timer.watch("spd_nearest", -1_000.0)
        for _ in range(20):
            await asyncio.sleep(0)

    def state(self, spend_id: str) -> SpendState:
        return self.store.books.spends[spend_id].state


class BrokenSpends(dict[str, Spend]):
    """Spends that can not be looked up."""

    def get(self, *_: object) -> NoReturn:
        raise LookupError("a bug")


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    running = Running()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(running.timer.run())
        yield running
        task.cancel()


async def test_spend_expires_when_its_time_has_come_and_not_before(running: Running) -> None:
    running.open("spd_1", 60)
    running.clock.advance(59.9)
    await running.wake()
    assert running.state("spd_1") is SpendState.OPEN
    running.clock.advance(0.2)
    await running.wake()
    assert running.state("spd_1") is SpendState.EXPIRED
    assert running.store.books.commitment.spent_nanousd == 100


async def test_closed_spend_is_left_alone(running: Running) -> None:
    running.open("spd_1", 60)
    running.timer.forget("spd_1")
    running.clock.advance(61)
    await running.wake()
    assert running.state("spd_1") is SpendState.OPEN


@pytest.mark.parametrize("jump_ns", [-24 * HOUR_NS, -HOUR_NS, HOUR_NS, 24 * HOUR_NS])
async def test_wall_clock_that_jumps_changes_nothing(running: Running, jump_ns: int) -> None:
    running.open("spd_1", 60)
    running.clock.wall_ns += jump_ns
    running.clock.advance(59)
    await running.wake()
    assert running.state("spd_1") is SpendState.OPEN
    running.clock.advance(2)
    await running.wake()
    assert running.state("spd_1") is SpendState.EXPIRED


async def test_store_that_fails_is_asked_again_later(running: Running) -> None:
    running.open("spd_1", 60)
    running.clock.advance(61)
    running.store.is_failing = True
    await running.wake()
    assert running.state("spd_1") is SpendState.OPEN
    running.store.is_failing = False
    running.clock.advance(2)
    await running.wake()
    assert running.state("spd_1") is SpendState.EXPIRED


async def test_more_spends_than_one_write_takes_all_expire(running: Running) -> None:
    for number in range(600):
        running.open(f"spd_{number}", 60)
    running.clock.advance(61)
    for _ in range(4):
        await running.wake()
    assert {running.state(f"spd_{number}") for number in range(600)} == {SpendState.EXPIRED}


@pytest.mark.parametrize(
    ("moved_ns", "expires_after_s"),
    [
        pytest.param(20 * 10**9, 40.0, id="after 20 s away 40 s are left"),
        pytest.param(HOUR_NS, 0.0, id="long over"),
        pytest.param(-24 * HOUR_NS, MAX_TIME_TO_LIVE_S, id="a clock set back leaves no more than the longest time to live"),
    ],
)
async def test_restart_goes_by_the_stored_time(moved_ns: int, expires_after_s: float) -> None:
    restarted = Running()
    open_spend(restarted.store.books, a_spend("spd_1", 100))  # it expires after 60 s
    restarted.clock.wall_ns += moved_ns
    await restarted.timer.load()
    assert restarted.timer.next_at_s() == restarted.clock.now_s() + expires_after_s


async def test_bug_in_one_write_does_not_end_the_timer(running: Running) -> None:
    running.open("spd_1", 60)
    whole, running.store.books.spends = running.store.books.spends, BrokenSpends()
    running.clock.advance(61)
    await running.wake()
    running.store.books.spends = whole
    running.clock.advance(2)
    await running.wake()
    assert running.state("spd_1") is SpendState.EXPIRED
