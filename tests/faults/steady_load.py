"""Recommendations asked of a gateway at a steady rate, whatever becomes of them, and what became of each."""

import asyncio
import itertools
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp

PROMPT = "Write a Python function number {} that sorts a list of words by their length, longest first"
ANSWER_TIMEOUT_S = 10.0
OK = 200
NO_ANSWER = 0
NUMBERS = itertools.count(time.time_ns())  # no prompt is ever asked twice: caches would answer it


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Times are of the monotonic clock; latency_s counts from the moment it was due."""

    due_s: float
    latency_s: float
    status: int
    is_degraded: bool


@dataclass
class SteadyLoad:
    """A thread that asks for as long as its context lasts; leaving waits for the last answers."""

    url: str
    rate: float
    asked: list[Asked] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End."""
        self.stop()

    def stop(self) -> None:
        """Ask no more, and wait for the last answers."""
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def between(self, begin_s: float, end_s: float) -> list[Asked]:
        """Those due in that time."""
        return [one for one in self.asked if begin_s <= one.due_s < end_s]

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session, asyncio.TaskGroup() as group:
            start_s = time.monotonic()
            for index in itertools.count():
                due_s = start_s + index / self.rate
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                if self._stop.is_set():
                    return
                group.create_task(self._ask(session, due_s))

    async def _ask(self, session: aiohttp.ClientSession, due_s: float) -> None:
        status, is_degraded = NO_ANSWER, False
        try:
            body = {"prompt": PROMPT.format(next(NUMBERS)), "mode": "recommend"}
            async with session.post(f"{self.url}/route", json=body) as answer:
                status, is_degraded = answer.status, bool((await answer.json())["degraded"]) if answer.status == OK else False
        except (aiohttp.ClientError, TimeoutError):
            pass  # a status that no server gives tells it
        self.asked.append(Asked(due_s, time.monotonic() - due_s, status, is_degraded))
