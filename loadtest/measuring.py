"""Latency and throughput of any call: closed loop for peaks, open loop for what a steady stream of callers sees."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

# Runs one call on the worker of that number and returns its latency in seconds.
Call = Callable[[int], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Latencies of one measurement, seconds, sorted; and how long all of it took."""

    latencies_s: list[float]
    total_s: float

    def quantile_ms(self, q: float) -> float:
        """The latency below which a share q of the calls lies, milliseconds."""
        return self.latencies_s[min(len(self.latencies_s) - 1, int(q * len(self.latencies_s)))] * 1e3

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies_s) / self.total_s


async def closed_loop(call: Call, *, count: int, in_flight: int) -> Sample:
    """Run the call `count` times, `in_flight` at once, each worker the next one as soon as its last has ended."""
    remaining = itertools.repeat(None, count)
    latencies_s: list[float] = []

    async def worker(number: int) -> None:
        latencies_s.extend([await call(number) for _ in remaining])

    start_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(in_flight):
            group.create_task(worker(number))
    return Sample(sorted(latencies_s), time.perf_counter() - start_s)


async def open_loop(call: Call, *, count: int, rate: float, workers: int) -> Sample:
    """Begin a call every 1/rate seconds, whatever became of those before; latency counts from the moment it was due.

    workers: most calls at once; a call that finds none free begins late, and its latency says so.
    """
    free = asyncio.Queue[int]()
    for number in range(workers):
        free.put_nowait(number)
    latencies_s: list[float] = []

    async def run(due_s: float) -> None:
        number = await free.get()
        try:
            await call(number)
            latencies_s.append(time.perf_counter() - due_s)
        finally:
            free.put_nowait(number)

    start_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for index in range(count):
            due_s = start_s + index / rate
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            group.create_task(run(due_s))
    return Sample(sorted(latencies_s), time.perf_counter() - start_s)
