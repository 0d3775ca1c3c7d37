"""The same work, asked for by several at once, is done once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class Flight(Generic[Result]):
    """Work under way, and how many wait for it."""

    task: "asyncio.Task[Result]"
    waiter_count: int = 0


class SingleFlight(Generic[Result]):
    """Work under way by key. It goes on as long as one of those who asked still waits, whoever came first."""

    def __init__(self) -> None:
        """Start with nothing under way."""
        self._flights: dict[Hashable, Flight[Result]] = {}
        self._tasks: set[asyncio.Task[Result]] = set()

    def __contains__(self, key: Hashable) -> bool:
        """Whether the key's work is under way."""
        return key in self._flights

    async def run(self, key: Hashable, start: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of the key's work, which is started where it is not under way. Raises what the work raises, to all who wait."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._begin(key, start)
        flight.waiter_count += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiter_count -= 1
            if flight.waiter_count == 0 and not flight.task.done():
                flight.task.cancel()
                self._end(key, flight)  # at once, so that who comes now begins anew

    async def aclose(self) -> None:
        """End all that is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, key: Hashable, start: Callable[[], Coroutine[Any, Any, Result]]) -> Flight[Result]:
        task = asyncio.create_task(start())
        flight = self._flights[key] = Flight(task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._end(key, flight))
        return flight

    def _end(self, key: Hashable, flight: Flight[Result]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
