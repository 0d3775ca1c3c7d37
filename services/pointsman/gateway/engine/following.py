"""Follows what a service tells from time to time, over one stream after another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError

T = TypeVar("T")

# Services speak each second; three of silence mean that one does not.
SILENCE_S = 3.0
WATCH_S = 3_600.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0

OpenStream = Callable[[Deadline], AbstractAsyncContextManager[AsyncIterator[T]]]


async def follow(
    open_stream: OpenStream[T], take: Callable[[T], None], *, on_lost: Callable[[str], None], on_back: Callable[[], None]
) -> None:
    """Hand on what comes, for ever.

    on_lost: called with a reason when it fails or is silent, once until it is back; a stream that only ends, or whose time is over,
    is opened again.
    """
    pause_s = FIRST_PAUSE_S
    is_lost = False
    while True:
        deadline = Deadline.after(WATCH_S)
        try:
            async with open_stream(deadline) as values:
                while True:
                    async with asyncio.timeout(SILENCE_S):
                        take(await anext(values))
                    pause_s = FIRST_PAUSE_S
                    if is_lost:
                        is_lost = False
                        on_back()
        except (ServiceError, TimeoutError, StopAsyncIteration) as error:
            if not is_lost and not isinstance(error, StopAsyncIteration) and not deadline.expired:
                is_lost = True
                on_lost(getattr(error, "reason", "silence"))
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
