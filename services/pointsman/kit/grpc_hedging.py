"""Asking other replicas where the first one takes long, which a frozen one does for ever."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

# Two at once: the balancer gives them to two replicas, one of which is not the one that takes long. One alone may be given
# to that again, and at a steady rate always is: 27 of 38 calls were, of 50 a second to three replicas.
MORE_CALLS = 2
# More calls that are allowed for each first one, and at most at a time: where every replica is slow, because there is too much
# to do, more calls would be the end of them.
MORE_CALLS_SHARE = 0.1
MAX_MORE_CALLS = 100.0

Answer = TypeVar("Answer")
Call = Callable[[], Coroutine[Any, Any, Answer]]


class Hedging:
    """Decides on more calls, for one channel."""

    def __init__(self) -> None:
        """Start with all that is allowed."""
        self._allowance = MAX_MORE_CALLS

    async def first_answer(self, call: Call[Answer], *, after_s: float) -> Answer:
        """The first answer to the call, or to more of the same that begin after so many seconds; the others are cancelled.

        call: may be repeated. Raises what it raises, where no answer comes.
        """
        self._allowance = min(MAX_MORE_CALLS, self._allowance + MORE_CALLS_SHARE)
        calls = [asyncio.create_task(call())]
        try:
            await asyncio.wait(calls, timeout=after_s)
            if not calls[0].done() and self._allowance >= MORE_CALLS:
                self._allowance -= MORE_CALLS
                calls.extend(asyncio.create_task(call()) for _ in range(MORE_CALLS))
            return await first_success(calls)
        finally:
            for one in calls:
                one.cancel()
            await asyncio.gather(*calls, return_exceptions=True)


async def first_success(calls: Iterable[asyncio.Task[Answer]]) -> Answer:
    """The first result. Raises a failure where there is none."""
    pending = set(calls)
    while True:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        answered = [one for one in done if one.exception() is None]
        if answered or not pending:
            return (answered or list(done))[0].result()
