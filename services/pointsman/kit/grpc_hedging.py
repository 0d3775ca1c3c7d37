"""Asking other replicas where the first one takes long, which a frozen one does for ever."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

# Two at once: the balancer gives them to two replicas, one of which is not the one that takes long. One alone may be given
# to that again, and at a steady rate always is: 27 of 38 calls were, of 50 a second to three replicas.
MORE_CALLS = 2
# More calls that are allowed for each first one, and at most at a time: where every replica is slow, because there is too much
# to do, more calls would be the end of them.
MORE_CALLS_SHARE = 0.1
MAX_MORE_CALLS = 30.0
# A call takes long that takes so many times what is usual. Without it long prompts, of which each takes 50 ms on a slow machine, were
# all asked for twice more, and 74 of 240 ran out of time; one in 240 does without any more calls.
LONG = 3.0
USUAL_COUNT = 20  # so many answers, the last ones, tell what is usual; before that there are no more calls

Answer = TypeVar("Answer")
Call = Callable[[], Coroutine[Any, Any, Answer]]


class Hedging:
    """Decides on more calls, for one channel, which ends those that are still under way when it is closed."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Start with all that is allowed."""
        self._now_s = now_s
        self._allowance = MAX_MORE_CALLS
        self._usual_s = 0.0
        self._answer_count = 0
        self._late: set[asyncio.Task[Any]] = set()

    async def first_answer(self, call: Call[Answer], *, after_s: float, until_s: float) -> Answer:
        """The first answer to the call, or to more of the same that begin after so many seconds, or later where answers usually take long.

        until_s: when it is too late for more. call: may be repeated, and has a deadline. Raises what it raises, where no answer comes.
        The others go on: a call that is cancelled counts as failed, and replicas that are just slow would be left out by turns.
        Where the caller leaves, all end.
        """
        self._allowance = min(MAX_MORE_CALLS, self._allowance + MORE_CALLS_SHARE)
        after_s = max(after_s, LONG * self._usual_s)
        calls = [asyncio.create_task(self._timed(call))]
        try:
            await asyncio.wait(calls, timeout=min(after_s, until_s))
            if not calls[0].done() and after_s < until_s and self._may_call_more():
                self._allowance -= MORE_CALLS
                calls.extend(asyncio.create_task(self._timed(call)) for _ in range(MORE_CALLS))
            answer = await first_success(calls)
        except BaseException:
            for one in calls:
                one.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            raise
        for one in calls:
            if not one.done():
                self._late.add(one)
                one.add_done_callback(self._forget)
        return answer

    def _may_call_more(self) -> bool:
        return self._answer_count == USUAL_COUNT and self._allowance >= MORE_CALLS

    async def _timed(self, call: Call[Answer]) -> Answer:
        start_s = self._now_s()
        answer = await call()
        self._answer_count = min(USUAL_COUNT, self._answer_count + 1)
        self._usual_s += (self._now_s() - start_s - self._usual_s) / self._answer_count
        return answer

    def _forget(self, one: "asyncio.Task[Any]") -> None:
        self._late.discard(one)
        if not one.cancelled():
            one.exception()  # looked at, or asyncio would log it


async def first_success(calls: Iterable[asyncio.Task[Answer]]) -> Answer:
    """The first result. Raises a failure where there is none."""
    pending = set(calls)
    while True:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        answered = [one for one in done if one.exception() is None]
        if answered or not pending:
            return (answered or list(done))[0].result()
