"""Judgements kept in Redis, where all replicas find them.

A Redis that is dead, frozen or slow costs a few requests 50 ms each; then it is left alone, and looked at
every five seconds from beside the requests. The client's own defaults would wait for seconds, and then retry.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pointsman.classifier import names
from pointsman.classifier.core.breaker import PROBE_PAUSE_S, Breaker
from pointsman.classifier.core.lifetime import lifetime_s
from pointsman.classifier.core.ports import CacheEvent
from pointsman.kit.logging import Logger

NAME = "redis"
KEY_PREFIX = b"pointsman:judgement:"
# For connecting, for each step of its greeting, and for each answer. A GET takes 0.1 ms on one machine.
ANSWER_S = 0.05
# Questions at a time: at 0.2 ms each they are 80,000 a second, more than a classifier can ask.
MAX_QUESTIONS = 16
# Writes in hand; at 1 KB each they take 1 MB. A Redis that is alive takes them within milliseconds.
MAX_QUEUED_WRITES = 1_024
WRITES_AT_ONCE = 64
# Writes in a row after which a Redis that refused some takes them again. One that is full takes a write whenever a
# key ends, and refuses the next: each would be a line in the log.
TAKEN_AGAIN = 64
MS_PER_S = 1_000

# What goes wrong between us and it: its errors, the network's, what an answer that is none raises in the client's parser,
# and RuntimeError, which uvloop raises where a connection is used that Redis has closed.
FAILURES = (RedisError, OSError, EOFError, ValueError, RuntimeError)


class InvalidAddress(Exception):
    """The client cannot make a connection of the address. The message holds nothing of it: there may be a password in it."""


def redis_client(url: str) -> Redis:
    """A client that waits for nothing longer than ANSWER_S, and tries once. url: redis://, rediss:// or unix://.

    Raises InvalidAddress.
    """
    try:
        options: dict[str, Any] = {
            **parse_url(url),
            "socket_timeout": ANSWER_S,
            "socket_connect_timeout": ANSWER_S,
            "retry": Retry(NoBackoff(), 0),
            "retry_on_timeout": False,
            "max_connections": MAX_QUESTIONS + 1,  # one for the writes
            # No greeting but where a password or a database asks for one: each step of it is a trip of its own.
            "protocol": 2,
            "driver_info": None,
            "decode_responses": False,
        }
        pool = ConnectionPool(**options)
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing, but refuses options that it does not know
    except (ValueError, TypeError, RedisError):
        raise InvalidAddress("a port, database or option in it is not one; a password's special characters are written as %XX") from None
    return Redis.from_pool(pool)


class RedisCache:
    """The JudgementCache port; `run` has to run for anything to be kept."""

    def __init__(
        self, client: Redis, *, ttl_s: float, uniform: Callable[[], float], count: Callable[[CacheEvent], None], log: Logger
    ) -> None:
        """uniform: random numbers from 0 to 1. count: told each event but hits, misses and what is discarded."""
        self._client = client
        self._ttl_s = ttl_s
        self._uniform = uniform
        self._count = count
        self._log = log
        self._breaker = Breaker()
        self._free = asyncio.Semaphore(MAX_QUESTIONS)
        # None: to be forgotten. What waits, and what is on its way, is found here: to this process it is kept already.
        self._queued: OrderedDict[bytes, bytes | None] = OrderedDict()
        self._under_way: Mapping[bytes, bytes | None] = {}
        self._has_work = asyncio.Event()
        self._is_refusing = False
        self._taken_in_a_row = 0

    @property
    def name(self) -> str:
        """What keeps them."""
        return NAME

    @property
    def is_away(self) -> bool:
        """True where Redis is left alone."""
        return self._breaker.is_open

    async def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """What is kept under each key; nothing where Redis does not tell within ANSWER_S."""
        found = {key: kept[key] for kept in (self._under_way, self._queued) for key in keys if key in kept}
        asked = [key for key in keys if key not in found]
        if asked:
            found.update(zip(asked, await self._ask(asked), strict=True))
        return [found[key] for key in keys]

    def put(self, key: bytes, value: bytes) -> None:
        """Queue a value to be written."""
        self._queue(key, value)

    def discard(self, key: bytes) -> None:
        """Queue a key to be deleted."""
        self._queue(key, None)

    async def run(self) -> None:
        """Write what is queued, and while Redis is away look whether it is back, until cancelled."""
        task = asyncio.current_task()
        # The client waits by asyncio.wait_for, which in Python 3.11 loses a cancellation that comes together with the answer.
        while task is None or not task.cancelling():
            if self._breaker.is_open:
                await asyncio.sleep(PROBE_PAUSE_S)
                await self._probe()
            elif self._queued:
                await self._write()
            else:
                self._has_work.clear()
                await self._has_work.wait()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _ask(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        nothing = [None] * len(keys)
        if not await self._has_place():
            return nothing
        try:
            if self._breaker.is_open:
                self._count(CacheEvent.OPEN)
                return nothing
            values = values_of(await self._client.mget([KEY_PREFIX + key for key in keys]), count=len(keys))
        except FAILURES as error:
            self._note_failure(error)
            return nothing
        finally:
            self._free.release()
        self._note_success()
        return values

    async def _has_place(self) -> bool:
        """Take a place among the questions; false, and nothing is taken, where none is free in time: no fault of Redis."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._free.acquire()
        except TimeoutError:
            self._count(CacheEvent.ERROR)
            return False
        return True

    def _queue(self, key: bytes, value: bytes | None) -> None:
        if self._breaker.is_open or (key not in self._queued and len(self._queued) >= MAX_QUEUED_WRITES):
            self._count(CacheEvent.DROPPED_WRITE)
            return
        self._queued[key] = value
        self._has_work.set()

    async def _write(self) -> None:
        """Send the oldest writes."""
        batch = dict(islice(self._queued.items(), WRITES_AT_ONCE))
        for key in batch:
            del self._queued[key]
        self._under_way = batch
        try:
            pipeline = self._client.pipeline(transaction=False)
            for key, value in batch.items():
                if value is None:
                    pipeline.delete(KEY_PREFIX + key)
                else:
                    pipeline.set(KEY_PREFIX + key, value, px=round(lifetime_s(self._ttl_s, self._uniform()) * MS_PER_S))
            answers = await pipeline.execute(raise_on_error=False)
        except FAILURES as error:
            self._note_failure(error)
        else:
            if not all(isinstance(answer, Exception) for answer in answers):
                self._note_success()  # one that refuses every write may be full, or refuse everything: that is no sign of its health
            self._note_answers(answers)
        finally:
            self._under_way = {}

    async def _probe(self) -> None:
        try:
            await self._client.ping()
        except FAILURES as error:
            self._note_failure(error)
        else:
            self._note_success()

    def _note_success(self) -> None:
        if self._breaker.record_success():
            self._log.warning(names.CACHE_BACK)

    def _note_failure(self, error: Exception) -> None:
        self._count(CacheEvent.ERROR)
        if self._breaker.record_failure():
            self._log.warning(names.CACHE_AWAY, reason=type(error).__name__)
            for _ in self._queued:
                self._count(CacheEvent.DROPPED_WRITE)
            self._queued.clear()
            self._has_work.set()

    def _note_answers(self, answers: Sequence[object]) -> None:
        """Redis lives, but may not take all that it is given, such as when it is full."""
        refusals = [answer for answer in answers if isinstance(answer, Exception)]
        for _ in refusals:
            self._count(CacheEvent.ERROR)
        self._taken_in_a_row = 0 if refusals else self._taken_in_a_row + len(answers)
        if refusals and not self._is_refusing:
            self._is_refusing = True
            self._log.warning(names.CACHE_REFUSES_WRITES, reason=type(refusals[0]).__name__)
        elif self._is_refusing and self._taken_in_a_row >= TAKEN_AGAIN:
            self._is_refusing = False
            self._log.warning(names.CACHE_TAKES_WRITES)


def values_of(answer: Any, *, count: int) -> Sequence[bytes | None]:  # Any: of whatever speaks for Redis
    """What was found; None for what is no value, such as a proxy's error for one key. Raises ValueError for another number of them."""
    if not isinstance(answer, list) or len(answer) != count:
        raise ValueError(f"an answer to {count} questions was expected")
    return [value if isinstance(value, bytes) else None for value in answer]
