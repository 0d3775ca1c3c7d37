import asyncio
import threading
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
from pointsman.kit.errors import DeadlineExceeded, Overloaded
from pointsman.kit.logging import get_logger
from pointsman.rules.keyword_rules import KeywordRule, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import tiny_artifact

RULES = compile_rules([KeywordRule("poem", "creative_writing", r"\bpoem\b", 6.0), KeywordRule("list", "coding", r"\blist\b", 0.5)])
POEM = Turn("a poem, please")
FIRST = Setup(RULES, (), "first")
NEVER_S = float("inf")


@asynccontextmanager
async def engine_with(encoder: HashingEncoder, *, max_texts: int = 8) -> AsyncIterator[ClassificationEngine]:
    limits = BatchLimits(max_batch_tokens=256, max_batch_entries=8, max_admitted_entries=max_texts)
    with ThreadPoolExecutor(1) as executor:
        queue = EmbeddingQueue(encoder, limits, executor=executor, now=time.monotonic)
        runner = asyncio.create_task(queue.run())
        try:
            yield ClassificationEngine(FIRST, LearnedPart(tiny_artifact(encoder), queue), now=time.monotonic, log=get_logger("classifier"))
        finally:
            runner.cancel()
            with suppress(asyncio.CancelledError):
                await runner


def engine_without_encoder() -> ClassificationEngine:
    return ClassificationEngine(FIRST, None, now=time.monotonic, log=get_logger("classifier"))


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
        classified = await engine.classify(POEM, strategy, deadline_s=NEVER_S)
    assert classified.judgement.method is method
    assert classified.judgement.category == category
    assert classified.judgement.matched_rules == ("creative_writing/poem",)
    assert classified.version == "tiny-first"


async def test_rules_alone_ask_no_encoder() -> None:
    encoder = HashingEncoder()
    async with engine_with(encoder) as engine:
        encoder.batches.clear()
        classified = await engine.classify(POEM, Strategy.RULES, deadline_s=NEVER_S)
    assert encoder.batches == []
    assert classified.encoder is None


async def test_embedding_brings_encoder_examples_and_times() -> None:
    async with engine_with(HashingEncoder()) as engine:
        classified = await engine.classify(Turn("sort a list"), Strategy.HYBRID, deadline_s=NEVER_S)
    assert classified.encoder == "hashing"
    assert classified.judgement.nearest_examples[0].text == "sort a list"
    assert classified.total_s >= classified.embed_s > 0


async def test_without_an_encoder_rules_judge_and_say_so() -> None:
    engine = engine_without_encoder()
    classified = await engine.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
    asked_for = await engine.classify(POEM, Strategy.RULES, deadline_s=NEVER_S)
    assert (classified.judgement.category, classified.judgement.method) == ("creative_writing", Method.DEGRADED)
    assert asked_for.judgement.method is Method.RULE_BASED
    assert (classified.encoder, classified.version) == (None, "rules-first")
    assert (engine.encoder_name, engine.artifact_version, engine.degraded) == (None, "", ("encoder_unavailable",))


async def test_failing_encoder_leaves_the_rules_and_recovery_is_seen() -> None:
    encoder = HashingEncoder()
    async with engine_with(encoder) as engine:
        encoder.is_broken = True
        classified = await engine.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        assert (classified.judgement.method, engine.degraded) == (Method.DEGRADED, ("encoder_failed",))
        encoder.is_broken = False
        classified = await engine.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S)
        assert (classified.judgement.method, engine.degraded) == (Method.HYBRID, ())


async def test_deadline_that_has_passed_is_told_and_nothing_is_encoded() -> None:
    encoder = HashingEncoder()
    async with engine_with(encoder) as engine:
        encoder.batches.clear()
        with pytest.raises(DeadlineExceeded):
            await engine.classify(POEM, Strategy.HYBRID, deadline_s=time.monotonic())
    assert encoder.batches == []


async def test_batch_keeps_its_order() -> None:
    turns = [Turn(text) for text in ("one poem", "two", "a list and more words than the others have")]
    async with engine_with(HashingEncoder()) as engine:
        classified = await engine.classify_all(turns, Strategy.RULES, deadline_s=NEVER_S)
    assert [one.judgement.matched_rules for one in classified] == [("creative_writing/poem",), (), ("coding/list",)]


async def test_batch_that_does_not_fit_fails_as_a_whole() -> None:
    async with engine_with(HashingEncoder(), max_texts=2) as engine:
        with pytest.raises(Overloaded):
            await engine.classify_all([POEM] * 3, Strategy.HYBRID, deadline_s=NEVER_S)
        await engine.classify_all([POEM] * 2, Strategy.HYBRID, deadline_s=NEVER_S)


async def test_request_keeps_the_setup_that_it_began_with() -> None:
    gate = threading.Event()
    gate.set()
    encoder = HashingEncoder(gate=gate)
    async with engine_with(encoder) as engine:
        gate.clear()
        under_way = asyncio.create_task(engine.classify(POEM, Strategy.HYBRID, deadline_s=NEVER_S))
        await asyncio.sleep(0)
        engine.use(Setup(compile_rules([KeywordRule("please", "chat", "please", 6.0)]), (), "new"))
        gate.set()
        before, after = await under_way, await engine.classify(POEM, Strategy.RULES, deadline_s=NEVER_S)
    assert (before.judgement.matched_rules, before.version) == (("creative_writing/poem",), "tiny-first")
    assert (after.judgement.matched_rules, after.version) == (("chat/please",), "tiny-new")
