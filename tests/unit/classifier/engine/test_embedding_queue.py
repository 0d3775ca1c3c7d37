import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
import pytest

from pointsman.classifier.core.batching import BatchLimits
from pointsman.classifier.core.ports import EncoderFailed
from pointsman.classifier.engine.embedding_queue import INLINE_CHARACTERS, EmbeddingQueue
from pointsman.kit.errors import DeadlineExceeded, Overloaded
from tests.fakes.hashing_encoder import HashingEncoder

FAR_S = 1000.0


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Rig:
    """A queue over an encoder that is held until `gate` is set."""

    limits: BatchLimits = field(default_factory=lambda: BatchLimits(max_batch_tokens=256, max_batch_entries=8, max_admitted_entries=5))

    def __post_init__(self) -> None:
        self.gate = threading.Event()
        self.encoder = HashingEncoder(gate=self.gate)
        self.clock = Clock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EmbeddingQueue]:
        with ThreadPoolExecutor(1) as executor:
            queue = EmbeddingQueue(self.encoder, self.limits, executor=executor, now=self.clock)
            runner = asyncio.create_task(queue.run())
            try:
                yield queue
            finally:
                self.gate.set()
                runner.cancel()
                with suppress(asyncio.CancelledError):
                    await runner


async def settled() -> None:
    """Let all that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def start(queue: EmbeddingQueue, *texts: str, deadline_s: float = FAR_S) -> list["asyncio.Task[object]"]:
    """Ask for all; the first is with the encoder and the rest wait when this returns."""
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(queue.embed(text, deadline_s=deadline_s)) for text in texts]
    await settled()
    return tasks


async def test_embedding_is_the_encoders() -> None:
    rig = Rig()
    rig.gate.set()
    async with rig.running() as queue:
        embedded = await queue.embed("sort a list", deadline_s=FAR_S)
    np.testing.assert_array_equal(embedded.embedding, rig.encoder.encode([rig.encoder.tokenize("sort a list")])[0])
    assert queue.encoder_name == "hashing"


async def test_long_text_is_cut_into_tokens_in_a_thread() -> None:
    rig = Rig()
    rig.gate.set()
    async with rig.running() as queue:
        embedded = await queue.embed("word " * INLINE_CHARACTERS, deadline_s=FAR_S)
    assert embedded.embedding.shape == (384,)


async def test_what_waits_while_the_encoder_works_is_the_next_batch() -> None:
    rig = Rig()
    async with rig.running() as queue:
        first = await start(queue, "first")
        rest = await start(queue, "a b c", "a", "a b")
        rig.gate.set()
        await asyncio.gather(*first, *rest)
    assert [[len(tokens) - 2 for tokens in batch] for batch in rig.encoder.batches] == [[1], [1, 2, 3]]


async def test_time_in_the_queue_is_told() -> None:
    rig = Rig()
    async with rig.running() as queue:
        first = await start(queue, "first")
        waiting = asyncio.create_task(queue.embed("second", deadline_s=FAR_S))
        await settled()
        rig.clock.now_s = 3.0
        rig.gate.set()
        await asyncio.gather(*first)
        assert (await waiting).queue_s == 3.0


async def test_cancelled_caller_is_not_computed_for() -> None:
    rig = Rig()
    async with rig.running() as queue:
        first = await start(queue, "first")
        gone, stays = await start(queue, "gone gone", "stays")
        gone.cancel()
        await settled()
        rig.gate.set()
        await asyncio.gather(*first, stays)
    assert rig.encoder.batches[1:] == [[rig.encoder.tokenize("stays")]]


async def test_caller_whose_deadline_has_come_is_told_and_not_computed_for() -> None:
    rig = Rig()
    async with rig.running() as queue:
        first = await start(queue, "first")
        (late,) = await start(queue, "late", deadline_s=2.0)
        rig.clock.now_s = 2.0
        rig.gate.set()
        await asyncio.gather(*first)
        with pytest.raises(DeadlineExceeded):
            await late
    assert len(rig.encoder.batches) == 1


async def test_full_queue_turns_callers_away_before_any_work() -> None:
    rig = Rig()
    async with rig.running() as queue:
        taken = await start(queue, "with the encoder")
        taken += await start(queue, "1", "2", "3", "4")
        with pytest.raises(Overloaded) as refusal:
            await queue.embed("one too many", deadline_s=FAR_S)
        rig.gate.set()
        await asyncio.gather(*taken)
    assert (refusal.value.reason, refusal.value.retry_after_s) == ("overloaded", 1.0)


async def test_place_of_a_cancelled_caller_is_free_again() -> None:
    rig = Rig()
    async with rig.running() as queue:
        taken = await start(queue, "with the encoder")
        waiting = await start(queue, "1", "2", "3", "4")
        waiting.pop().cancel()
        await settled()
        waiting += await start(queue, "fits")
        rig.gate.set()
        await asyncio.gather(*taken, *waiting)


async def test_bug_in_the_encoder_ends_its_batch_and_the_queue_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: object) -> None:
        raise ZeroDivisionError

    rig = Rig()
    rig.gate.set()
    async with rig.running() as queue:
        with monkeypatch.context() as patched:
            patched.setattr(rig.encoder, "encode", crash)
            with pytest.raises(ZeroDivisionError):
                await queue.embed("text", deadline_s=FAR_S)
        await queue.embed("text", deadline_s=FAR_S)


async def test_broken_encoder_is_told_to_all_of_its_batch_and_the_queue_goes_on() -> None:
    rig = Rig()
    rig.gate.set()
    async with rig.running() as queue:
        rig.encoder.is_broken = True
        with pytest.raises(EncoderFailed):
            await queue.embed("text", deadline_s=FAR_S)
        rig.encoder.is_broken = False
        await queue.embed("text", deadline_s=FAR_S)
