import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

import pytest

from pointsman.classifier.core.batching import BatchLimits
from pointsman.classifier.core.fusion import Method, Strategy
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.classification import ClassificationEngine, LearnedPart
from pointsman.classifier.engine.embedding_queue import EmbeddingQueue
from pointsman.kit.errors import DeadlineExceeded
from pointsman.kit.logging import get_logger
from pointsman.kit.tracing import Tracing
from pointsman.rules.keyword_rules import KeywordRule, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.spans import RecordedSpans
from tests.fakes.tiny_artifact import tiny_artifact

RULES = compile_rules([KeywordRule("poem", "creative_writing", r"\bpoem\b", 6.0), KeywordRule("list", "coding", r"\blist\b", 0.5)])
POEM = Turn("a poem, please")
FIRST = Setup(RULES, (), "first")
NEVER_S = float("inf")


@asynccontextmanager
async def engine_with(
    encoder: HashingEncoder, *, max_texts: int = 8, tracing: Tracing | None = None
) -> AsyncIterator[ClassificationEngine]:
    limits = BatchLimits(max_batch_tokens=256, max_batch_entries=8, max_admitted_entries=max_texts)
    with ThreadPoolExecutor(1) as executor:
        queue = EmbeddingQueue(encoder, limits, executor=executor, now=time.monotonic)
        runner = asyncio.create_task(queue.run())
        try:
            learned = LearnedPart(tiny_artifact(encoder), queue)
            yield ClassificationEngine(FIRST, learned, tracing=tracing or Tracing(), log=get_logger("classifier"))
        finally:
            runner.cancel()
            with suppress(asyncio.CancelledError):
                await runner


def engine_without_encoder() -> ClassificationEngine:
    return ClassificationEngine(FIRST, None, tracing=Tracing(), log=get_logger("classifier"))


@pytest.mark.parametrize(
    ("strategy", "category", "method"),
    [
        (Strategy.RULES, "creative_writing", Method.RULE_BASED),
        (Strategy.SIMILARITY, "analysis", Method.ML_BASED),
        (Strategy.HYBRID, "creative_writing", Method.HYBRID),
    ],
)
async def test_strategy_says_who_judges(strategy: Strategy, category: str, method: Method) -> None:
    async with engine_with(HashingEncoder()) as engine:
        classified = await engine.classify(POEM, strategy, engine.setup, deadline_s=NEVER_S)
    assert classified.judgement.method is method
    assert classified.judgement.category == category
    assert classified.judgement.matched_rules == ("creative_writing/poem",)
    assert engine.version_of(FIRST) == "tiny-first"


@pytest.mark.parametrize(("strategy", "method"), [(Strategy.RULES, Method.RULE_BASED), (Strategy.FEATURES, Method.ML_BASED)])
async def test_strategy_without_embedding_asks_no_encoder(strategy: Strategy, method: Method) -> None:
    encoder = HashingEncoder()
    async with engine_with(encoder) as engine:
        encoder.batches.clear()
        encoder.is_broken = True
        classified = await engine.classify(POEM, strategy, engine.setup, deadline_s=time.monotonic())
    assert encoder.batches == []
    assert (classified.encoder, classified.token_count, classified.judgement.method) == (None, 0, method)
    assert engine.degraded == ()


async def test_embedding_brings_encoder_examples_and_times() -> None:
    async with engine_with(HashingEncoder()) as engine:
        classified = await engine.classify(Turn("sort a list"), Strategy.HYBRID, engine.setup, deadline_s=NEVER_S)
    assert (classified.encoder, classified.token_count) == ("hashing", 5)
    assert classified.judgement.nearest_examples[0].text == "sort a list"
    assert classified.embed_s > 0


async def test_without_an_encoder_rules_judge_and_say_so() -> None:
    engine = engine_without_encoder()
    classified = await engine.classify(POEM, Strategy.HYBRID, engine.setup, deadline_s=NEVER_S)
    of_features = await engine.classify(POEM, Strategy.FEATURES, engine.setup, deadline_s=NEVER_S)
    asked_for = await engine.classify(POEM, Strategy.RULES, engine.setup, deadline_s=NEVER_S)
    assert of_features.judgement.method is Method.DEGRADED, "features are read by what was learned"
    assert (classified.judgement.category, classified.judgement.method) == ("creative_writing", Method.DEGRADED)
    assert asked_for.judgement.method is Method.RULE_BASED
    assert (classified.encoder, engine.version_of(FIRST)) == (None, "rules-first")
    assert (engine.encoder_name, engine.artifact_version, engine.degraded) == (None, "", ("encoder_unavailable",))


async def test_failing_encoder_leaves_the_rules_and_recovery_is_seen() -> None:
    encoder = HashingEncoder()
    async with engine_with(encoder) as engine:
        encoder.is_broken = True
        classified = await engine.classify(POEM, Strategy.HYBRID, engine.setup, deadline_s=NEVER_S)
        assert (classified.judgement.method, engine.degraded) == (Method.DEGRADED, ("encoder_failed",))
        encoder.is_broken = False
        classified = await engine.classify(POEM, Strategy.HYBRID, engine.setup, deadline_s=NEVER_S)
        assert (classified.judgement.method, engine.degraded) == (Method.HYBRID, ())


async def test_deadline_that_has_passed_is_told_and_nothing_is_encoded() -> None:
    encoder = HashingEncoder()
    async with engine_with(encoder) as engine:
        encoder.batches.clear()
        with pytest.raises(DeadlineExceeded):
            await engine.classify(POEM, Strategy.HYBRID, engine.setup, deadline_s=time.monotonic())
    assert encoder.batches == []


async def test_span_tells_how_much_was_embedded() -> None:
    spans = RecordedSpans()
    async with engine_with(HashingEncoder(), tracing=spans.tracing) as engine:
        await engine.classify(POEM, Strategy.HYBRID, engine.setup, deadline_s=NEVER_S)
    (span,) = spans.all
    assert (span.name, span.attributes) == ("embed", {"pointsman.token_count": 5})
