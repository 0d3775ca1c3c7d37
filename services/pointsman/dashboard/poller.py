"""Looks at the gateway for all open pages at once, and only while there are any."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from pointsman.dashboard import names
from pointsman.kit.errors import ServiceError
from pointsman.kit.logging import Logger

Listener = Callable[["Figures"], Awaitable[None]]

GATEWAY_AWAY = "gateway_away"
SLOW_EVERY_S = 10.0  # a day's sums take a ledger longer, and hardly move in less


class Part(StrEnum):
    """What is asked for."""

    HEALTH = "health"
    PROVIDERS = "providers"
    MODELS = "models"
    HOUR = "hour"
    DAY = "day"
    DECISIONS = "decisions"


class Source(Protocol):
    """Where figures come from; raises ServiceError. See GatewayClient."""

    async def read_health(self) -> object: ...  # noqa: D102
    async def read_providers(self) -> object: ...  # noqa: D102
    async def read_models(self) -> object: ...  # noqa: D102
    async def read_metrics(self, time_range: str) -> object: ...  # noqa: D102
    async def read_decisions(self) -> object: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Reading:
    """What one part said last. value: kept while it cannot be asked. failure: why it could not be, the last time."""

    value: object = None
    read_at_s: float | None = None
    asked_at_s: float | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is known. Times are seconds of the Unix epoch. away_since_s: set while no gateway answers."""

    readings: Mapping[Part, Reading] = field(default_factory=lambda: MappingProxyType({part: Reading() for part in Part}))
    away_since_s: float | None = None

    @property
    def read_at_s(self) -> float | None:
        """When the gateway last said anything."""
        return max((reading.read_at_s for reading in self.readings.values() if reading.read_at_s is not None), default=None)


class Poller:
    """Keeps the figures. One for the process: pages listen, and ask the gateway nothing by themselves but for one decision."""

    def __init__(self, source: Source, *, interval_s: float, wall_time: Callable[[], float], log: Logger) -> None:
        """interval_s: between two rounds while somebody looks."""
        self._source = source
        self._interval_s = interval_s
        self._wall_time = wall_time
        self._log = log
        self._listeners: dict[object, Listener] = {}
        self._wanted = asyncio.Event()
        self._round = asyncio.Lock()
        self.figures = Figures()

    @property
    def viewer_count(self) -> int:
        """How many look."""
        return len(self._listeners)

    def add(self, token: object, listener: Listener) -> None:
        """Call the listener after each round. token: what it is removed by."""
        self._listeners[token] = listener
        self._wanted.set()

    def remove(self, token: object) -> None:
        """Call it no more; the last one ends the asking."""
        self._listeners.pop(token, None)
        if not self._listeners:
            self._wanted.clear()

    async def run(self) -> None:
        """Ask for ever, while somebody looks."""
        while True:
            await self._wanted.wait()
            await self.refresh()
            await asyncio.sleep(self._interval_s)

    async def refresh(self) -> None:
        """One round, unless one has just been: then its figures will do."""
        async with self._round:
            now_s = self._wall_time()
            asked_s = self.figures.readings[Part.HEALTH].asked_at_s
            if asked_s is not None and 0 <= now_s - asked_s < self._interval_s / 2:
                return
            await self._ask(now_s)
        for listener in tuple(self._listeners.values()):
            await listener(self.figures)

    async def _ask(self, now_s: float) -> None:
        source = self._source
        # First: where no gateway answers, that is known after one call, and the others need not be made.
        health, is_away = await self._read(Part.HEALTH, source.read_health)
        readings = {**self.figures.readings, Part.HEALTH: health}
        if not is_away:
            calls: dict[Part, Callable[[], Awaitable[object]]] = {
                Part.PROVIDERS: source.read_providers,
                Part.MODELS: source.read_models,
                Part.HOUR: lambda: source.read_metrics("1h"),
                Part.DECISIONS: source.read_decisions,
            }
            if self._is_due(Part.DAY, now_s):
                calls[Part.DAY] = lambda: source.read_metrics("24h")
            answers = await asyncio.gather(*(self._read(part, call) for part, call in calls.items()))
            readings |= {part: reading for part, (reading, _) in zip(calls, answers, strict=True)}
        self.figures = Figures(MappingProxyType(readings), self._note_presence(is_away))

    async def _read(self, part: Part, call: Callable[[], Awaitable[object]]) -> tuple[Reading, bool]:
        before = self.figures.readings[part]
        try:
            value = await call()
        except ServiceError as error:
            return replace(before, asked_at_s=self._wall_time(), failure=error.message), error.reason == GATEWAY_AWAY
        now_s = self._wall_time()
        return Reading(value, read_at_s=now_s, asked_at_s=now_s), False

    def _is_due(self, part: Part, now_s: float) -> bool:
        before = self.figures.readings[part]
        return before.asked_at_s is None or before.failure is not None or now_s - before.asked_at_s >= SLOW_EVERY_S

    def _note_presence(self, is_away: bool) -> float | None:  # noqa: FBT001  # the one thing that it is about
        since_s = self.figures.away_since_s
        if is_away and since_s is None:
            self._log.warning(names.GATEWAY_AWAY)
            return self._wall_time()
        if not is_away and since_s is not None:
            self._log.info(names.GATEWAY_BACK)
        return since_s if is_away else None
