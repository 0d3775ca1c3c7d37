import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from pointsman.dashboard.poller import Figures, Part, Poller
from pointsman.kit.errors import ServiceError, Unavailable, UpstreamFailed
from pointsman.kit.logging import get_logger
from tests.fakes import report_gateway as fake

AWAY = Unavailable("gateway_away", "no gateway answers")
REFUSED = UpstreamFailed("report_refused", "no such report")


class Reports:
    """A source of figures; what is in `failing` fails."""

    def __init__(self) -> None:
        self.failing: dict[str, ServiceError] = {}
        self.asked: Counter[str] = Counter()

    async def read_health(self) -> object:
        return self.say("health", fake.health())

    async def read_providers(self) -> object:
        return self.say("providers", fake.PROVIDERS)

    async def read_models(self) -> object:
        return self.say("models", {"models": []})

    async def read_metrics(self, time_range: str) -> object:
        return self.say(time_range, fake.metrics(time_range))

    async def read_decisions(self) -> object:
        return self.say("decisions", {"decisions": []})

    def say(self, what: str, said: object) -> object:
        self.asked[what] += 1
        if "all" in self.failing:
            raise self.failing["all"]
        if what in self.failing:
            raise self.failing[what]
        return said


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def poller(reports: Reports, clock: Clock) -> Poller:
    return Poller(reports, interval_s=2.0, wall_time=clock, log=get_logger("dashboard"))


async def test_round_brings_every_part_to_every_listener(poller: Poller, reports: Reports) -> None:
    heard: list[Figures] = []

    async def listen(figures: Figures) -> None:
        heard.append(figures)

    poller.add("one", listen)
    poller.add("two", listen)
    await poller.refresh()
    assert heard == [poller.figures, poller.figures]
    assert all(reading.value is not None and reading.failure is None for reading in poller.figures.readings.values())
    assert set(reports.asked.values()) == {1}
    assert poller.figures.read_at_s == 1_000.0


async def test_pages_that_come_together_share_a_round(poller: Poller, reports: Reports, clock: Clock) -> None:
    await asyncio.gather(*(poller.refresh() for _ in range(5)))
    assert reports.asked["health"] == 1
    clock.now_s += 2.0
    await poller.refresh()
    assert reports.asked["health"] == 2


async def test_clock_that_is_set_back_does_not_stop_it(poller: Poller, reports: Reports, clock: Clock) -> None:
    await poller.refresh()
    clock.now_s -= 3_600
    await poller.refresh()
    assert reports.asked["health"] == 2


async def test_gateway_that_goes_leaves_its_last_figures_and_since_when(poller: Poller, reports: Reports, clock: Clock) -> None:
    await poller.refresh()
    before = poller.figures
    reports.failing["all"] = AWAY
    with capture_logs() as lines:
        for _ in range(3):
            clock.now_s += 2.0
            await poller.refresh()
    assert poller.figures.away_since_s == 1_002.0
    assert poller.figures.readings[Part.HEALTH].value == before.readings[Part.HEALTH].value
    assert poller.figures.readings[Part.HEALTH].failure == "no gateway answers"
    assert poller.figures.read_at_s == 1_000.0
    assert [line["event"] for line in lines] == ["gateway_away"]  # told once
    assert reports.asked["models"] == 1  # not asked while nothing answers
    reports.failing.clear()
    clock.now_s += 2.0
    await poller.refresh()
    back = poller.figures
    assert back.away_since_s is None
    assert back.readings[Part.HEALTH].failure is None


async def test_one_report_that_fails_leaves_the_others(poller: Poller, reports: Reports) -> None:
    reports.failing["models"] = REFUSED
    await poller.refresh()
    assert poller.figures.readings[Part.MODELS].failure == "no such report"
    assert poller.figures.readings[Part.HOUR].value is not None
    assert poller.figures.away_since_s is None


async def test_day_is_summed_up_seldom(poller: Poller, reports: Reports, clock: Clock) -> None:
    for _ in range(6):
        await poller.refresh()
        clock.now_s += 2.0
    assert (reports.asked["1h"], reports.asked["24h"]) == (6, 2)


async def test_nothing_is_asked_while_nobody_looks(reports: Reports, clock: Clock) -> None:
    poller = Poller(reports, interval_s=0.0, wall_time=clock, log=get_logger("dashboard"))
    task = asyncio.create_task(poller.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert reports.asked.total() == 0

    async def look(figures: Figures) -> None:
        pass

    poller.add("page", look)
    await until(lambda: reports.asked["health"] >= 3)
    poller.remove("page")
    assert poller.viewer_count == 0
    for _ in range(20):
        await asyncio.sleep(0)
    asked = reports.asked.total()
    for _ in range(50):
        await asyncio.sleep(0)
    assert reports.asked.total() == asked
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # a fake has no event to wait for
            await asyncio.sleep(0)
