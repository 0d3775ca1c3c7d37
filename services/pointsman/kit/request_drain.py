"""The requests that a server is serving, and how they end when the server does.

At the end each gets a while to finish. One that does not is cancelled, and answered with "shutting_down"; a stream that has begun
asks `shutdown_error` why it is cancelled, and says so as its last word.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from pointsman.kit.errors import Unavailable


class RunningRequests:
    """A server's."""

    def __init__(self) -> None:
        self._timers: set[asyncio.Timeout] = set()
        self._end_s: float | None = None  # on the loop's clock

    @property
    def count(self) -> int:
        """Requests being served now."""
        return len(self._timers)

    @property
    def is_draining(self) -> bool:
        """True once the server has begun to stop."""
        return self._end_s is not None

    def drain(self, drain_s: float) -> None:
        """Give running requests, and any that still come, at most drain_s from now."""
        self._end_s = asyncio.get_running_loop().time() + drain_s
        for timer in self._timers:
            timer.reschedule(self._end_s)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Around one request, which is cancelled where it does not finish in time; the cancellation ends here."""
        timer = asyncio.timeout_at(self._end_s)
        token = _current.set(RunningRequest(self, timer))
        try:
            async with timer:
                self._timers.add(timer)
                try:
                    yield
                finally:
                    self._timers.discard(timer)  # in the timer's own block: one that was left cannot be set
        except TimeoutError:
            if not timer.expired():
                raise
        finally:
            _current.reset(token)


@dataclass(frozen=True, slots=True)
class RunningRequest:
    """One of a server's. timer: what cuts it."""

    siblings: RunningRequests
    timer: asyncio.Timeout


_current: ContextVar[RunningRequest | None] = ContextVar("running_request", default=None)


def server_is_draining() -> bool:
    """Whether the server that serves the current request has begun to stop."""
    running = _current.get()
    return running is not None and running.siblings.is_draining


def shutdown_error() -> Unavailable | None:
    """Why the request being served is cancelled, where it is the server's end that cancels it; else None."""
    running = _current.get()
    # The timer is asked, not the clock: timers fire by whole milliseconds, and may be a little early.
    return shutting_down() if running is not None and running.timer.expired() else None


def shutting_down() -> Unavailable:
    """What a caller hears whose request was cut."""
    return Unavailable("shutting_down", "this server stops; send the request again")
