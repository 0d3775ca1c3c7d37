"""A prompt's judgement: found in the cache, or made, once for all who ask for the same at a time."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pointsman.classifier import names
from pointsman.classifier.core.cache_entry import CachedJudgement, InvalidEntry, read_entry, write_entry
from pointsman.classifier.core.cache_key import Judges, cache_key
from pointsman.classifier.core.fusion import WITHOUT_EMBEDDING, Judgement, Strategy
from pointsman.classifier.core.ports import CacheEvent, JudgementCache
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.classification import ClassificationEngine
from pointsman.classifier.engine.metrics import ClassifierMetrics
from pointsman.classifier.engine.single_flight import SingleFlight
from pointsman.kit.errors import DeadlineExceeded, ServiceError
from pointsman.kit.tracing import Tracing

NEVER_S = math.inf


class CacheUse(StrEnum):
    """What the cache had to do with an answer."""

    HIT = "hit"
    MISS = "miss"
    OFF = "off"  # not asked: switched off, or what was asked for is made as fast as it would be found


@dataclass(frozen=True, slots=True)
class ClassifiedTurn:
    """A judgement, where it comes from, and where the time went: of this call, nothing of the one that was kept."""

    judgement: Judgement
    version: str
    encoder: str | None  # None: no embedding was made
    cache: CacheUse
    token_count: int  # 0 where nothing was embedded now
    tokenize_s: float
    queue_s: float
    embed_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Caching:
    """The cache, the secret of its keys, and what counts its events."""

    cache: JudgementCache
    secret: bytes
    count: Callable[[CacheEvent], None]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked, as every step on the way to its answer needs it."""

    turn: Turn
    strategy: Strategy
    setup: Setup
    deadline_s: float
    key: bytes | None  # in the cache; None: it is not asked
    asked_with: tuple[bytes, ...] = ()  # the keys of its batch, for which the cache is asked at once


class Answering:
    """Answers for the engine. Judgements without the embedding that they should have are never kept."""

    def __init__(
        self,
        engine: ClassificationEngine,
        caching: Caching | None,
        *,
        metrics: ClassifierMetrics,
        tracing: Tracing,
        now: Callable[[], float],
    ) -> None:
        """Take the parts. caching: None switches it off. now: monotonic clock in seconds, that of the deadlines."""
        self._engine = engine
        self._caching = caching
        self._metrics = metrics
        self._tracing = tracing
        self._now = now
        self._flights: SingleFlight[ClassifiedTurn] = SingleFlight()
        self._lookups: SingleFlight[Mapping[bytes, bytes | None]] = SingleFlight()

    @property
    def engine(self) -> ClassificationEngine:
        """What makes the judgements."""
        return self._engine

    @property
    def degraded(self) -> tuple[str, ...]:
        """Why answers are worse, or take longer, than they could, in closed words."""
        is_cache_away = self._caching is not None and self._caching.cache.is_away
        return (*self._engine.degraded, names.CACHE_UNAVAILABLE) if is_cache_away else self._engine.degraded

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()
        await self._lookups.aclose()

    async def classify(self, turn: Turn, strategy: Strategy, *, deadline_s: float) -> ClassifiedTurn:
        """Judge one turn. Raises Overloaded, DeadlineExceeded, PreconditionRequired where the strategy's model is not there."""
        setup = self._engine.setup
        (key,) = self._keys_of([turn], strategy, setup)
        return await self._answer(Question(turn, strategy, setup, deadline_s, key))

    async def classify_all(self, turns: Sequence[Turn], strategy: Strategy, *, deadline_s: float) -> list[ClassifiedTurn]:
        """Judge several turns at once, in order; all or none. Raises as `classify` does."""
        setup = self._engine.setup
        keys = self._keys_of(turns, strategy, setup)
        asked_with = tuple(dict.fromkeys(key for key in keys if key is not None and key not in self._flights))
        questions = [Question(turn, strategy, setup, deadline_s, key, asked_with) for turn, key in zip(turns, keys, strict=True)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._answer(question)) for question in questions]
        except* ServiceError as errors:
            raise first_of(errors) from None
        return [task.result() for task in tasks]

    async def _answer(self, question: Question) -> ClassifiedTurn:
        """Judge one turn, and tell of it."""
        start_s = self._now()
        with self._tracing.span("classify") as span:
            if self._caching is None or question.key is None:
                found = await self._make(question, CacheUse.OFF, question.deadline_s)
            else:
                found = await self._share(self._caching, question.key, question)
            answer = replace(found, total_s=self._now() - start_s)
            span.set_attribute("pointsman.category", answer.judgement.category)
            span.set_attribute("pointsman.classification_method", answer.judgement.method.value)
            span.set_attribute("pointsman.cache", answer.cache.value)
            span.set_attribute("pointsman.token_count", answer.token_count)
        self._metrics.count_judgement(
            method=answer.judgement.method.value,
            cache=answer.cache.value,
            category=answer.judgement.category,
            confidence=answer.judgement.domain_confidence,
            duration_s=answer.total_s,
        )
        return answer

    async def _share(self, caching: Caching, key: bytes, question: Question) -> ClassifiedTurn:
        """The answer, shared with all who ask for the same meanwhile; each waits until its own deadline."""
        remaining_s = question.deadline_s - self._now()
        if remaining_s <= 0:
            raise too_late()
        try:
            async with asyncio.timeout(None if math.isinf(remaining_s) else remaining_s):
                return await self._flights.run(key, lambda: self._find_or_make(caching, key, question))
        except TimeoutError:
            raise too_late() from None

    async def _find_or_make(self, caching: Caching, key: bytes, question: Question) -> ClassifiedTurn:
        cached = await self._find(caching, key, question.asked_with)
        if cached is not None:
            version = self._engine.version_of(question.setup)
            return ClassifiedTurn(cached.judgement, version, cached.encoder, CacheUse.HIT, 0, 0.0, 0.0, 0.0, 0.0)
        made = await self._make(question, CacheUse.MISS, NEVER_S)  # others who ask may have longer
        if made.encoder is not None:  # of strategy bert the method does not tell: it may be sure of the category all the same
            entry = CachedJudgement(made.judgement, made.encoder)
            caching.cache.put(key, write_entry(entry, key=key, secret=caching.secret))
        return made

    async def _find(self, caching: Caching, key: bytes, asked_with: tuple[bytes, ...]) -> CachedJudgement | None:
        with self._tracing.span("cache") as span:
            if key in asked_with:
                value = (await self._lookups.run(asked_with, lambda: look_up(caching.cache, asked_with)))[key]
            else:
                (value,) = await caching.cache.get_many((key,))
            cached = None
            try:
                cached = None if value is None else read_entry(value, key=key, secret=caching.secret)
            except InvalidEntry:
                caching.cache.discard(key)
                caching.count(CacheEvent.DISCARDED)
            event = CacheEvent.MISS if cached is None else CacheEvent.HIT
            caching.count(event)
            span.set_attribute("pointsman.cache", event.value)
        return cached

    async def _make(self, question: Question, cache: CacheUse, deadline_s: float) -> ClassifiedTurn:
        made = await self._engine.classify(question.turn, question.strategy, question.setup, deadline_s=deadline_s)
        version = self._engine.version_of(question.setup)
        times = (made.tokenize_s, made.queue_s, made.embed_s)
        return ClassifiedTurn(made.judgement, version, made.encoder, cache, made.token_count, *times, total_s=0.0)

    def _keys_of(self, turns: Sequence[Turn], strategy: Strategy, setup: Setup) -> Sequence[bytes | None]:
        """The turns' keys in the cache.

        None where it is not asked: rules take 0.1 ms, no longer than a question to Redis, and without an encoder
        nothing else is ever kept.
        """
        encoder = self._engine.models_of(strategy)
        if self._caching is None or strategy in WITHOUT_EMBEDDING or encoder is None:
            return [None] * len(turns)
        judges = Judges(strategy.value, setup.version, self._engine.artifact_version, encoder)
        return [cache_key(self._caching.secret, turn, judges) for turn in turns]


async def look_up(cache: JudgementCache, keys: Sequence[bytes]) -> Mapping[bytes, bytes | None]:
    """What the cache has under each key."""
    return dict(zip(keys, await cache.get_many(keys), strict=True))


def too_late() -> DeadlineExceeded:
    """The refusal of a call whose time is over."""
    return DeadlineExceeded("deadline_exceeded", "classify: the deadline came before the judgement")


def first_of(errors: BaseExceptionGroup[ServiceError]) -> ServiceError:
    """One error of a group, however deep."""
    first = errors.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
