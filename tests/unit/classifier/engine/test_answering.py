import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from pointsman.classifier.adapters.memory_cache import MemoryCache
from pointsman.classifier.core.cache_key import SECRET_BYTES
from pointsman.classifier.core.fusion import Method, Strategy
from pointsman.classifier.core.ports import CacheEvent
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.answering import Answering, CacheUse, Caching
from pointsman.classifier.engine.classification import ClassificationEngine
from pointsman.classifier.engine.metrics import ClassifierMetrics
from pointsman.kit.errors import DeadlineExceeded, Overloaded
from pointsman.kit.telemetry import Telemetry, silent_telemetry
from pointsman.rules.keyword_rules import KeywordRule, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.spans import RecordedSpans
from tests.unit.classifier.engine.test_classification import POEM, engine_with, engine_without_encoder

NEVER_S = float("inf")
SECRET = b"s" * SECRET_BYTES


class WatchedCache(MemoryCache):
    """A cache that keeps what it was asked for; `gate`, while cleared, holds its answers back; `is_gone`: it is left alone."""

    is_gone = False

    def __init__(self) -> None:
        super().__init__(ttl_s=3600, now=time.monotonic, uniform=lambda: 0.5)
        self.questions: list[list[bytes]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def is_away(self) -> bool:
        return self.is_gone

    async def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        self.questions.append(list(keys))
        await self.gate.wait()
        return await super().get_many(keys)


@dataclass
class Rig:
    """What answers, over an engine whose encoder can be held."""

    answering: Answering
    engine: ClassificationEngine
    encoder: HashingEncoder
    gate: threading.Event
    cache: WatchedCache
    events: Counter[CacheEvent]
    telemetry: Telemetry
    spans: RecordedSpans = field(default_factory=RecordedSpans)

    @property
    def encoded_count(self) -> int:
        return sum(len(batch) for batch in self.encoder.batches)


@asynccontextmanager
async def rig(*, max_texts: int = 600, is_cached: bool = True) -> AsyncIterator[Rig]:
    gate = threading.Event()
    gate.set()
    encoder, cache, events, spans = HashingEncoder(gate=gate), WatchedCache(), Counter[CacheEvent](), RecordedSpans()
    telemetry = silent_telemetry("classifier")
    caching = Caching(cache, SECRET, lambda event: events.update([event])) if is_cached else None
    async with engine_with(encoder, max_texts=max_texts, tracing=spans.tracing) as engine:
        encoder.batches.clear()
        metrics = ClassifierMetrics(telemetry.registry)
        answering = Answering(engine, caching, metrics=metrics, tracing=spans.tracing, now=time.monotonic)
        try:
            yield Rig(answering, engine, encoder, gate, cache, events, telemetry, spans)
        finally:
            gate.set()
            await answering.aclose()


async def settled() -> None:
    """Let all that can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_second_answer_is_found_and_is_the_same_but_for_its_times() -> None:
    async with rig() as parts:
        made = await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        found = await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
    assert (made.cache, found.cache) == (CacheUse.MISS, CacheUse.HIT)
    assert (found.judgement, found.encoder, found.version) == (made.judgement, "hashing", "tiny-first")
    assert made.total_s >= made.embed_s > 0
    assert (found.tokenize_s, found.queue_s, found.embed_s, found.token_count) == (0, 0, 0, 0)
    assert found.total_s > 0
    assert parts.encoded_count == 1
    assert parts.events == {CacheEvent.MISS: 1, CacheEvent.HIT: 1}


@pytest.mark.parametrize(
    ("turn", "strategy"),
    [
        pytest.param(Turn(POEM.text, cache_scope="stranger"), Strategy.HYBRID, id="another scope"),
        pytest.param(Turn(POEM.text, "of the sea"), Strategy.HYBRID, id="another digest"),
        pytest.param(POEM, Strategy.SIMILARITY, id="another strategy"),
    ],
)
async def test_another_question_is_not_answered_from_the_first(turn: Turn, strategy: Strategy) -> None:
    async with rig() as parts:
        await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        assert (await parts.answering.classify(turn, strategy, deadline_s=NEVER_S)).cache is CacheUse.MISS


@pytest.mark.parametrize("strategy", [Strategy.RULES, Strategy.FEATURES])
async def test_what_needs_no_encoder_is_not_looked_up(strategy: Strategy) -> None:
    async with rig() as parts:
        answers = [await parts.answering.classify(POEM, strategy, deadline_s=NEVER_S) for _ in range(2)]
    assert [answer.cache for answer in answers] == [CacheUse.OFF] * 2
    assert parts.cache.questions == []


async def test_cache_that_is_switched_off_answers_nothing_and_shares_nothing() -> None:
    async with rig(is_cached=False) as parts:
        answers = await asyncio.gather(*(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S) for _ in range(3)))
    assert [answer.cache for answer in answers] == [CacheUse.OFF] * 3
    assert parts.encoded_count == 3


async def test_degraded_judgement_is_not_kept() -> None:
    async with rig() as parts:
        parts.encoder.is_broken = True
        degraded = await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        parts.encoder.is_broken = False
        whole = await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
    assert (degraded.judgement.method, degraded.cache) == (Method.DEGRADED, CacheUse.MISS)
    assert (whole.judgement.method, whole.cache) == (Method.HYBRID, CacheUse.MISS)


async def test_cache_that_is_away_is_told_of_the_service_and_of_no_answer() -> None:
    async with rig() as parts:
        assert not parts.answering.degraded
        parts.cache.is_gone = True
        assert list(parts.answering.degraded) == ["cache_unavailable"]
        answer = await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        assert (answer.judgement.method, parts.engine.degraded) == (Method.HYBRID, ())
    async with rig(is_cached=False) as parts:
        parts.cache.is_gone = True
        assert parts.answering.degraded == ()


async def test_without_an_encoder_nothing_is_looked_up() -> None:
    events = Counter[CacheEvent]()
    caching = Caching(WatchedCache(), SECRET, lambda event: events.update([event]))
    metrics, tracing = ClassifierMetrics(silent_telemetry("classifier").registry), RecordedSpans().tracing
    answering = Answering(engine_without_encoder(), caching, metrics=metrics, tracing=tracing, now=time.monotonic)
    answer = await answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
    assert (answer.cache, answer.judgement.method, events) == (CacheUse.OFF, Method.DEGRADED, Counter())


@pytest.mark.parametrize("poison", [b"not ours", b"", b"x" * 100_000], ids=["foreign", "empty", "huge"])
async def test_value_that_cannot_be_believed_is_discarded_and_made_anew(poison: bytes) -> None:
    async with rig() as parts:
        await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        ((key,),) = parts.cache.questions
        parts.cache.put(key, poison)
        answers = [await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S) for _ in range(2)]
    assert [answer.cache for answer in answers] == [CacheUse.MISS, CacheUse.HIT]
    assert parts.events == {CacheEvent.MISS: 2, CacheEvent.DISCARDED: 1, CacheEvent.HIT: 1}


async def test_value_of_another_scope_is_not_answered() -> None:
    async with rig() as parts:
        stranger = Turn(POEM.text, cache_scope="stranger")
        for turn in (POEM, stranger):
            await parts.answering.classify(turn, Strategy.HYBRID, deadline_s=NEVER_S)
        (own,), (foreign,) = parts.cache.questions
        (value,) = await parts.cache.get_many([foreign])
        assert value is not None
        parts.cache.put(own, value)
        assert (await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)).cache is CacheUse.MISS
    assert parts.events[CacheEvent.DISCARDED] == 1


async def test_500_who_ask_for_the_same_at_once_have_it_made_once() -> None:
    async with rig() as parts:
        answers = await asyncio.gather(*(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S) for _ in range(500)))
    assert len({answer.judgement.category for answer in answers}) == 1
    assert parts.encoded_count == 1
    assert len(parts.cache.questions) == 1


async def test_first_caller_who_leaves_does_not_fail_the_others() -> None:
    async with rig() as parts:
        parts.gate.clear()
        first, second = (asyncio.create_task(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        parts.gate.set()
        assert (await second).judgement.category
        with suppress(asyncio.CancelledError):
            await first
    assert parts.encoded_count == 1


async def test_callers_who_all_leave_are_not_encoded_for() -> None:
    async with rig() as parts:
        parts.cache.gate.clear()
        callers = [asyncio.create_task(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)) for _ in range(3)]
        await settled()
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        parts.cache.gate.set()
        await settled()
    assert parts.encoded_count == 0


async def test_deadline_of_the_first_caller_is_not_that_of_the_second() -> None:
    async with rig() as parts:
        parts.cache.gate.clear()
        late = asyncio.create_task(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=time.monotonic() + 0.001))
        await settled()
        patient = asyncio.create_task(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S))
        with pytest.raises(DeadlineExceeded):
            await late
        parts.cache.gate.set()
        assert (await patient).judgement.category


async def test_deadline_that_has_passed_starts_no_work() -> None:
    async with rig() as parts:
        with pytest.raises(DeadlineExceeded):
            await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=time.monotonic())
        await settled()
    assert (parts.cache.questions, parts.encoded_count) == ([], 0)


async def test_batch_keeps_its_order_and_asks_the_cache_once() -> None:
    turns = [Turn(text) for text in ("one poem", "two", "a list and more words than the others have", "two")]
    async with rig() as parts:
        await parts.answering.classify(turns[1], Strategy.HYBRID, deadline_s=NEVER_S)
        parts.cache.questions.clear()
        answers = await parts.answering.classify_all(turns, Strategy.HYBRID, deadline_s=NEVER_S)
    assert [answer.judgement.matched_rules for answer in answers] == [("creative_writing/poem",), (), ("coding/list",), ()]
    assert [answer.cache for answer in answers] == [CacheUse.MISS, CacheUse.HIT, CacheUse.MISS, CacheUse.HIT]
    assert [len(keys) for keys in parts.cache.questions] == [3]
    assert parts.encoded_count == 3


async def test_batch_waits_for_what_is_being_made() -> None:
    async with rig() as parts:
        parts.gate.clear()
        alone = asyncio.create_task(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S))
        await settled()
        batch = asyncio.create_task(parts.answering.classify_all([POEM, Turn("other")], Strategy.HYBRID, deadline_s=NEVER_S))
        await settled()
        parts.gate.set()
        await asyncio.gather(alone, batch)
    assert parts.encoded_count == 2


async def test_batch_that_does_not_fit_fails_as_a_whole() -> None:
    async with rig(max_texts=2) as parts:
        with pytest.raises(Overloaded):
            await parts.answering.classify_all([Turn(text) for text in "abc"], Strategy.HYBRID, deadline_s=NEVER_S)
        await settled()
        await parts.answering.classify_all([Turn(text) for text in "de"], Strategy.HYBRID, deadline_s=NEVER_S)


async def test_request_keeps_the_setup_that_it_began_with_and_so_does_what_is_kept() -> None:
    new = Setup(compile_rules([KeywordRule("please", "chat", "please", 6.0)]), (), "new")
    async with rig() as parts:
        parts.cache.gate.clear()
        under_way = asyncio.create_task(parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S))
        await settled()
        old = parts.engine.setup
        parts.engine.use(new)
        parts.cache.gate.set()
        before, after = await under_way, await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        parts.engine.use(old)
        again = await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
    assert (before.judgement.matched_rules, before.version) == (("creative_writing/poem",), "tiny-first")
    assert (after.judgement.matched_rules, after.version, after.cache) == (("chat/please",), "tiny-new", CacheUse.MISS)
    assert (again.judgement.matched_rules, again.version, again.cache) == (("creative_writing/poem",), "tiny-first", CacheUse.HIT)


async def test_answers_are_counted_by_method_cache_and_category() -> None:
    async with rig() as parts:
        for _ in range(3):
            await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        count = parts.telemetry.registry.get_sample_value
        assert count("pointsman_classification_seconds_count", {"method": "hybrid", "cache": "miss"}) == 1
        assert count("pointsman_classification_seconds_count", {"method": "hybrid", "cache": "hit"}) == 2
        assert count("pointsman_classification_confidence_count", {"category": "creative_writing"}) == 3


async def test_spans_tell_what_was_done_and_nothing_of_the_text() -> None:
    async with rig() as parts:
        for _ in range(2):
            await parts.answering.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
    made, first_cache, embed, second, second_cache = parts.spans.all
    assert [span.name for span in parts.spans.all] == ["classify", "cache", "embed", "classify", "cache"]
    assert (first_cache.parent, embed.parent, second_cache.parent) == (made.traceparent, made.traceparent, second.traceparent)
    assert made.attributes == {
        "pointsman.category": "creative_writing",
        "pointsman.classification_method": "hybrid",
        "pointsman.cache": "miss",
        "pointsman.token_count": 5,
    }
    assert (first_cache.attributes, second_cache.attributes) == ({"pointsman.cache": "miss"}, {"pointsman.cache": "hit"})
