"""Judgements of prompts seen before, in memory; a prompt that is being judged is not judged a second time beside it."""

import asyncio
import random
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from pointsman.gateway.core.judgement import ClassificationMethod, Judgement
from pointsman.gateway.ports import PromptText, Strategy
from pointsman.kit.deadline import Deadline

KeyedHash = Callable[[bytes], bytes]

# Entries of one moment must not end at one moment: they would all be judged anew at once.
JITTER = 0.1
SCOPE_CHARACTERS = 32
# What one judgement takes in memory beside its texts: tracemalloc says 2,470 bytes for one of 7 categories, 2 rules and 3 examples.
JUDGEMENT_BYTES = 1_024
PROBABILITY_BYTES = 96
EXAMPLE_BYTES = 128


class CacheEvent(StrEnum):
    """What happened in the cache."""

    HIT = "hit"
    MISS = "miss"
    JOINED = "joined"  # another request was having the same prompt judged
    EXPIRED = "expired"
    EVICTED = "evicted"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Found:
    """A judgement, or None where none came in time, and whether somebody else's was taken."""

    judgement: Judgement | None
    was_there: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    judgement: Judgement
    byte_count: int
    until_s: float


class _HandedOn:
    """What waiters get of a caller who left before there was an answer: one of them asks in his place."""


HANDED_ON = _HandedOn()


class JudgementCache:
    """Keeps what is sound and not degraded, for a while, the least recently used going first."""

    def __init__(
        self,
        *,
        max_entries: int,
        max_bytes: int,
        time_to_live_s: float,
        on_event: Callable[[CacheEvent], None] = lambda _: None,
        now_s: Callable[[], float] = time.monotonic,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        """uniform: numbers from 0 to 1, which spread the ends of entries by a tenth to either side."""
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._time_to_live_s = time_to_live_s
        self._on_event = on_event
        self._now_s = now_s
        self._uniform = uniform
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._flights: dict[bytes, asyncio.Future[Judgement | _HandedOn | None]] = {}
        self._version: str | None = None
        self.byte_count = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def find(self, key: bytes, ask: Callable[[], Awaitable[Judgement | None]], deadline: Deadline) -> Found:
        """The judgement kept under the key, else the one that `ask` gives, to this caller or to another who waits for the same.

        ask: None where there is no answer. Everyone waits until his own deadline; one whose caller leaves, or runs
        out of time, leaves the asking to the next.
        """
        while True:
            judgement = self._find_kept(key)
            if judgement is not None:
                self._on_event(CacheEvent.HIT)
                return Found(judgement, was_there=True)
            flight = self._flights.get(key)
            if flight is None:
                self._on_event(CacheEvent.MISS)
                return Found(await self._ask(key, ask, deadline))
            await asyncio.wait({flight}, timeout=deadline.remaining_s(self._now_s()))
            if not flight.done():
                return Found(None)
            outcome = flight.result()
            if not isinstance(outcome, _HandedOn):
                self._on_event(CacheEvent.JOINED)
                return Found(None) if outcome is None else Found(as_found(outcome), was_there=True)
            if deadline.remaining_s(self._now_s()) <= 0:
                return Found(None)

    async def _ask(self, key: bytes, ask: Callable[[], Awaitable[Judgement | None]], deadline: Deadline) -> Judgement | None:
        """Ask for all who wait for it."""
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        outcome: Judgement | _HandedOn | None = HANDED_ON
        try:
            judgement = await ask()
            if judgement is not None:
                self._keep(key, judgement)
            if judgement is not None or deadline.remaining_s(self._now_s()) > 0:
                outcome = judgement
            return judgement
        finally:
            del self._flights[key]
            flight.set_result(outcome)

    def _find_kept(self, key: bytes) -> Judgement | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._now_s() >= kept.until_s:
            self._drop(key, CacheEvent.EXPIRED)
            return None
        self._kept.move_to_end(key)
        return kept.judgement

    def _keep(self, key: bytes, judgement: Judgement) -> None:
        """Another version than the last answer's means another artefact or other rules: nothing of before is kept.

        A degraded one says nothing of that: it comes of an encoder that is missing, perhaps in one classifier of several.
        """
        if judgement.method is ClassificationMethod.DEGRADED:
            return
        if judgement.version != self._version:
            if self._kept:
                self._on_event(CacheEvent.CLEARED)
            self._kept.clear()
            self.byte_count = 0
            self._version = judgement.version
        byte_count = len(key) + byte_count_of(judgement)
        if byte_count > self._max_bytes:
            return
        if key in self._kept:
            self._drop(key, CacheEvent.EXPIRED)
        spread = 1.0 + JITTER * (2.0 * self._uniform() - 1.0)
        self._kept[key] = _Kept(as_found(judgement), byte_count, self._now_s() + spread * self._time_to_live_s)
        self.byte_count += byte_count
        while len(self._kept) > self._max_entries or self.byte_count > self._max_bytes:
            self._drop(next(iter(self._kept)), CacheEvent.EVICTED)

    def _drop(self, key: bytes, event: CacheEvent) -> None:
        self.byte_count -= self._kept.pop(key).byte_count
        self._on_event(event)


def as_found(judgement: Judgement) -> Judgement:
    """The judgement for one who did not have it made: it took none of his time."""
    return replace(judgement, cache_hit=True, tokenize_s=0.0, queue_s=0.0, embed_s=0.0, total_s=0.0)


def byte_count_of(judgement: Judgement) -> int:
    """About what the judgement takes in memory, rather more than less."""
    shares = [*judgement.category_probabilities, *judgement.skills]
    texts = [*shares, *judgement.matched_rules, *(example.text for example in judgement.nearest_examples)]
    objects = PROBABILITY_BYTES * len(shares) + EXAMPLE_BYTES * len(judgement.nearest_examples)
    return JUDGEMENT_BYTES + objects + sum(map(sys.getsizeof, texts))


def cache_scope(project_id: str, keyed_hash: KeyedHash) -> str:
    """A word for the project that tells the classifier nothing of it."""
    return keyed_hash(b"classification scope\0" + project_id.encode(errors="surrogatepass")).hex()[:SCOPE_CHARACTERS]


def judgement_key(prompt: PromptText, strategy: Strategy, rules_version: str, keyed_hash: KeyedHash) -> bytes:
    """What two prompts have in common exactly where their judgement is the same."""
    digest = prompt.context_digest or ""
    fields = f"judgement\0{prompt.cache_scope}\0{strategy.value}\0{rules_version}\0{len(digest)}\0{digest}{prompt.text}"
    return keyed_hash(fields.encode(errors="surrogatepass"))
