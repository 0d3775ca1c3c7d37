"""Runs a decision for an endpoint, whole or as a stream."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from pointsman.gateway.engine.completing import Completing, TimeAllowed
from pointsman.gateway.engine.completion import Completion
from pointsman.gateway.engine.decision_book import DecisionBook
from pointsman.gateway.engine.feedback_intake import FeedbackIntake
from pointsman.gateway.engine.routing import Routed, Routing
from pointsman.gateway.engine.world import World
from pointsman.gateway.rest.answer_headers import Headers, completion_headers, decision_headers, stream_headers
from pointsman.gateway.rest.inference.event_stream import EventWriter
from pointsman.gateway.rest.inference.orders import PromptHash, Read
from pointsman.kit.errors import Overloaded, ServiceError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one gateway allows."""

    usual_timeout_s: float
    slow_timeout_s: float
    content_patience_s: float = 10.0  # headers wait so long for the first content, to name the model that gave it
    silence_s: float = 10.0  # after so long a stream is kept alive


@dataclass(frozen=True, slots=True)
class Engine:
    """What the endpoints work with."""

    world: World
    routing: Routing
    completing: Completing
    book: DecisionBook
    feedback: FeedbackIntake
    prompt_hash: PromptHash
    limits: Limits
    in_flight: "InFlight"


class InFlight:
    """Counts requests; above the limit a new one is refused at once, so that those taken end in time."""

    def __init__(self, limit: int) -> None:
        """limit: most at a time."""
        self._limit = limit
        self.count = 0

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Raises Overloaded where there are too many."""
        if self.count >= self._limit:
            raise Overloaded("overloaded", "the gateway takes no more requests now")
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1


def time_allowed(limits: Limits, asked_s: float | None) -> TimeAllowed:
    """The time of a request that came just now."""
    return TimeAllowed(time.monotonic(), limits.usual_timeout_s, limits.slow_timeout_s, asked_s)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole completion."""

    completion: Completion
    body: dict[str, Any]
    settled: bool
    elapsed_s: float


@contextmanager
def telling(facts: Headers, completion: Completion, allowed: TimeAllowed) -> Iterator[None]:
    """Where it fails, leave in the facts how far it came."""
    try:
        yield
    except ServiceError:
        facts |= completion_headers(completion, elapsed_s=time.monotonic() - allowed.started_s)
        raise


async def run_whole(engine: Engine, read: Read, routed: Routed, allowed: TimeAllowed, facts: Headers) -> Answer:
    """Run it to its end. Raises ServiceError where no provider answers."""
    facts |= decision_headers(routed)
    running = engine.completing.run(routed, read.order, read.provider_body, stream=False, time_allowed=allowed)
    async with running as completion:
        with telling(facts, completion, allowed):
            while await completion.next_chunk() is not None:
                pass
        settled = await completion.settle()
    done = completion.done
    body: dict[str, Any] = answer_body(done.body) if done is not None and done.body is not None else {}
    return Answer(completion, body, settled, time.monotonic() - allowed.started_s)


def answer_body(body: bytes) -> dict[str, Any]:
    """A provider's answer, of which the executor has seen that it is an object; NaN and infinities, as in logprobs, become null."""
    answer: dict[str, Any] = json.loads(body, parse_constant=lambda _: None)
    return answer


async def run_stream(
    engine: Engine,
    read: Read,
    routed: Routed,
    allowed: TimeAllowed,
    facts: Headers,
    writer: EventWriter,
    on_open: Callable[[], Awaitable[None]],
    on_chunk: Callable[[bytes], Awaitable[None]],
) -> tuple[Completion, bool]:
    """Run it, handing on what comes; the completion, and whether it is settled.

    The headers wait for the first content for a while; past that they carry the plan. on_open: called once they are out.
    Raises ServiceError, where the writer is open after content or after the wait.
    """
    facts |= decision_headers(routed)
    running = engine.completing.run(routed, read.order, read.provider_body, stream=True, time_allowed=allowed)
    async with running as completion:

        async def open_writer(*, provisional: bool) -> None:
            overhead_s = max(0.0, opened_s - allowed.started_s - routed.judge_s)
            await writer.open(stream_headers(completion, overhead_s=overhead_s, provisional=provisional))
            await on_open()

        opened_s = time.monotonic()
        with telling(facts, completion, allowed):
            chunk = await _first_chunk(engine, completion, lambda: open_writer(provisional=True))
        if not writer.is_open:
            await open_writer(provisional=False)
        while chunk is not None:
            await on_chunk(chunk)
            chunk = await completion.next_chunk()
        settled = await completion.settle()
    return completion, settled


async def _first_chunk(engine: Engine, completion: Completion, on_silence: Callable[[], Awaitable[None]]) -> bytes | None:
    """The first content. on_silence: called where it is long in coming."""
    reading = asyncio.ensure_future(completion.next_chunk())
    try:
        await asyncio.wait({reading}, timeout=engine.limits.content_patience_s)
        if not reading.done():
            await on_silence()
        return await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
