"""What the ledger has learnt is in force within a moment, and stays so while it is away."""

import asyncio

import pytest

from pointsman.gateway.core.outcomes import Outcomes
from pointsman.gateway.engine import following
from pointsman.gateway.engine.outcome_watch import watch_outcomes
from pointsman.gateway.engine.world import World
from pointsman.kit.background import in_background
from pointsman.kit.errors import DeadlineExceeded, Unavailable
from pointsman.kit.logging import Logger, get_logger
from tests.fakes.gateway_services import FakeOutcomes
from tests.integration.kit.echo import capturing_log

AWAY = Unavailable("dependency_down", "the ledger cannot be used now")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SILENCE_S", 0.05)
    monkeypatch.setattr(following, "FIRST_PAUSE_S", 0.001)


async def hear_all(ledger: FakeOutcomes, world: World, log: Logger) -> None:
    """Watch until the ledger has no more to tell."""
    async with in_background(watch_outcomes(ledger, world, log)), asyncio.timeout(5):
        await ledger.are_all_told.wait()


async def test_what_comes_is_in_force() -> None:
    world = World()
    assert world.outcomes.version == 0
    await hear_all(FakeOutcomes(streams=[[Outcomes(1), Outcomes(2)]]), world, get_logger("test"))
    assert world.outcomes.version == 2


async def test_it_is_asked_anew_after_a_failure_and_after_silence_and_the_last_word_holds() -> None:
    log, logged = capturing_log()
    world = World()
    await hear_all(FakeOutcomes(streams=[[AWAY], [Outcomes(3)], [AWAY], [AWAY]]), world, log)
    assert world.outcomes.version == 3
    told = [(entry["event"], entry.get("reason")) for entry in logged.entries]
    assert told == [("outcomes_lost", "dependency_down"), ("outcomes_watched", None), ("outcomes_lost", "silence")]


async def test_the_end_of_a_watchs_time_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "WATCH_S", 0.0)
    log, logged = capturing_log()
    world = World()
    over = DeadlineExceeded("deadline_exceeded", "call ledger: the time is over")
    await hear_all(FakeOutcomes(streams=[[Outcomes(1), over], [Outcomes(2), over]]), world, log)
    assert (world.outcomes.version, logged.entries) == (2, [])
