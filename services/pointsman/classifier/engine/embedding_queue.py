"""The way of a text to the encoder: cut into tokens, queued, encoded with what else waits."""

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from pointsman.classifier.core.batching import BatchLimits, QueuedText, has_room, plan_batch
from pointsman.classifier.core.ports import Embedding, Embeddings, Encoder, TokenIds
from pointsman.kit.errors import DeadlineExceeded, Overloaded

# Cutting 200 characters into tokens takes at most 0.2 ms (30 µs for 40 English ones), less than a trip to
# a thread and back costs; 4,000 take up to 4 ms, which would hold up every other call.
INLINE_CHARACTERS = 200

# What is told to callers who are turned away: at 2.4 ms a text, a queue of 256 is done in 0.6 s.
RETRY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """A text's vector and where the time went."""

    embedding: Embedding
    token_count: int
    tokenize_s: float
    queue_s: float
    embed_s: float  # of the whole batch


@dataclass(slots=True, eq=False)
class WaitingText:
    """A text in the queue; its caller waits for `result`, which is cancelled where the caller goes."""

    tokens: TokenIds
    arrival_s: float
    deadline_s: float
    result: "asyncio.Future[EmbeddedText]"

    def as_queued(self) -> QueuedText:
        """What the batching rule needs to know."""
        return QueuedText(len(self.tokens), self.deadline_s, self.result.done())


class EmbeddingQueue:
    """One encoder, used by one thread at a time; `run` has to run for `embed` to get answers."""

    def __init__(self, encoder: Encoder, limits: BatchLimits, *, executor: Executor, now: Callable[[], float]) -> None:
        """Take the parts. executor: has exactly one thread. now: monotonic clock in seconds, that of the deadlines."""
        self._encoder = encoder
        self._limits = limits
        self._executor = executor
        self._now = now
        self._queue: list[WaitingText] = []
        self._admitted_count = 0  # being tokenised, queued or encoded
        self._has_arrived = asyncio.Event()

    @property
    def encoder(self) -> Encoder:
        """What encodes."""
        return self._encoder

    @property
    def encoder_name(self) -> str:
        """Which encoder it is."""
        return self._encoder.name

    @property
    def admitted_count(self) -> int:
        """Texts in hand: being cut into tokens, waiting, being encoded."""
        return self._admitted_count

    async def embed(self, text: str, *, deadline_s: float) -> EmbeddedText:
        """The text's vector.

        Raises Overloaded where the queue is full, before any work; DeadlineExceeded where the deadline comes
        first; EncoderFailed. Cancelled, the text leaves the queue unencoded unless its batch has begun.
        """
        if not has_room(self._admitted_count, self._limits):
            raise Overloaded("overloaded", "classify: the encoder's queue is full", retry_after_s=RETRY_AFTER_S)
        self._admitted_count += 1
        try:
            return await self._embed(text, deadline_s)
        finally:
            self._admitted_count -= 1

    async def embed_known(self, texts: Sequence[str]) -> Embeddings:
        """Vectors of at least one text of our own, for which callers are not turned away. Raises EncoderFailed.

        One after the other, so that requests get their turn in between.
        """
        return np.stack([(await self._embed(text, math.inf)).embedding for text in texts])

    async def run(self) -> None:
        """Encode batch after batch until cancelled."""
        while True:
            await self._has_arrived.wait()
            self._has_arrived.clear()
            while self._queue:
                await self._encode_batch(self._take_batch())

    async def _tokenize(self, text: str) -> TokenIds:
        if len(text) <= INLINE_CHARACTERS:
            return self._encoder.tokenize(text)
        return await asyncio.to_thread(self._encoder.tokenize, text)

    async def _embed(self, text: str, deadline_s: float) -> EmbeddedText:
        start_s = self._now()
        tokens = await self._tokenize(text)
        arrival_s = self._now()
        return replace(await self._encode(tokens, arrival_s, deadline_s), tokenize_s=arrival_s - start_s)

    async def _encode(self, tokens: TokenIds, arrival_s: float, deadline_s: float) -> EmbeddedText:
        result: asyncio.Future[EmbeddedText] = asyncio.get_running_loop().create_future()
        self._queue.append(WaitingText(tokens, arrival_s, deadline_s, result))
        self._has_arrived.set()
        return await result

    def _take_batch(self) -> list[WaitingText]:
        queue = self._queue
        plan = plan_batch([waiting.as_queued() for waiting in queue], self._limits, now_s=self._now())
        for position in plan.dropped:
            fail(queue[position], DeadlineExceeded("deadline_exceeded", "classify: the deadline came before the encoder was free"))
        self._queue = [queue[position] for position in plan.waiting]
        return [queue[position] for position in plan.batch]

    async def _encode_batch(self, batch: Sequence[WaitingText]) -> None:
        if not batch:
            return
        start_s = self._now()
        tokens = [waiting.tokens for waiting in batch]
        try:
            embeddings: Embeddings = await asyncio.get_running_loop().run_in_executor(self._executor, self._encoder.encode, tokens)
        except Exception as error:  # noqa: BLE001  # the top of a task: a bug ends the calls of its batch, not the service
            for waiting in batch:
                fail(waiting, error)
            return
        embed_s = self._now() - start_s
        for waiting, embedding in zip(batch, embeddings, strict=True):
            if not waiting.result.done():
                waiting.result.set_result(EmbeddedText(embedding, len(waiting.tokens), 0.0, start_s - waiting.arrival_s, embed_s))


def fail(waiting: WaitingText, error: Exception) -> None:
    """Tell the caller, where there still is one."""
    if not waiting.result.done():
        waiting.result.set_exception(error)
