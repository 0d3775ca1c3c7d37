"""Strategy bert: the hybrid judgement with a fine-tuned classifier's verdict in it, or a refusal that says what is missing."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

import pytest

from pointsman.classifier import names
from pointsman.classifier.adapters.memory_cache import MemoryCache
from pointsman.classifier.core.batching import BatchLimits
from pointsman.classifier.core.cache_key import SECRET_BYTES
from pointsman.classifier.core.fine_tuned import reading_of
from pointsman.classifier.core.fusion import Difficulty, Method, Strategy
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.answering import Answering, CacheUse, Caching
from pointsman.classifier.engine.classification import ClassificationEngine, FineTunedPart, LearnedPart, NoFineTunedPart
from pointsman.classifier.engine.embedding_queue import EmbeddingQueue
from pointsman.classifier.engine.metrics import ClassifierMetrics
from pointsman.kit.errors import PreconditionRequired
from pointsman.kit.logging import get_logger
from pointsman.kit.telemetry import silent_telemetry
from pointsman.kit.tracing import Tracing
from pointsman.rules.rules_file import load_default_rules
from tests.fakes.fixed_sorter import FixedSorter
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import tiny_artifact

RULES = load_default_rules()
SETUP = Setup(RULES, (), "first")
POEM = Turn("Write a poem about the sea")
LIMITS = BatchLimits(max_batch_tokens=256, max_batch_entries=8, max_admitted_entries=8)
NEVER_S = float("inf")


@asynccontextmanager
async def engine_with(sorter: FixedSorter, encoder: HashingEncoder | None) -> AsyncIterator[ClassificationEngine]:
    with ThreadPoolExecutor(1) as encoding, ThreadPoolExecutor(1) as sorting:
        sorting_queue = EmbeddingQueue(sorter, LIMITS, executor=sorting, now=time.monotonic)
        tasks = [asyncio.create_task(sorting_queue.run())]
        learned = None
        if encoder is not None:
            learned = LearnedPart(tiny_artifact(encoder), EmbeddingQueue(encoder, LIMITS, executor=encoding, now=time.monotonic))
            tasks.append(asyncio.create_task(learned.queue.run()))
        part = FineTunedPart(sorting_queue, reading_of(sorter.labels, RULES.categories))
        try:
            yield ClassificationEngine(SETUP, learned, tracing=Tracing(), log=get_logger("classifier"), fine_tuned=part)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def test_pair_sets_difficulty_and_hybrid_the_category() -> None:
    async with engine_with(FixedSorter(weak=0.1, strong=0.9), HashingEncoder()) as engine:
        made = await engine.classify(POEM, Strategy.BERT, SETUP, deadline_s=NEVER_S)
        hybrid = await engine.classify(POEM, Strategy.HYBRID, SETUP, deadline_s=NEVER_S)
    assert made.judgement.difficulty is Difficulty.HARD
    assert made.judgement.complexity_score == pytest.approx(0.9)
    assert (made.judgement.category, made.judgement.method) == (hybrid.judgement.category, hybrid.judgement.method)
    assert made.encoder == "hashing"
    assert made.embed_s > 0


async def test_categories_need_no_encoder() -> None:
    async with engine_with(FixedSorter(math=0.9, chat=0.1), None) as engine:
        made = await engine.classify(POEM, Strategy.BERT, SETUP, deadline_s=NEVER_S)
    assert (made.judgement.category, made.judgement.method, made.encoder) == ("math", Method.ML_BASED, None)


async def test_difficulty_alone_leaves_a_missing_encoder_in_sight() -> None:
    async with engine_with(FixedSorter(weak=0.9, strong=0.1), None) as engine:
        made = await engine.classify(POEM, Strategy.BERT, SETUP, deadline_s=NEVER_S)
    assert (made.judgement.category, made.judgement.method, made.judgement.difficulty) == (
        "creative_writing",
        Method.DEGRADED,
        Difficulty.EASY,
    )


async def test_judgements_are_kept_by_both_models() -> None:
    async with engine_with(FixedSorter(weak=0.9, strong=0.1), HashingEncoder()) as engine:
        assert (engine.models_of(Strategy.HYBRID), engine.models_of(Strategy.BERT)) == ("hashing", "hashing sorter")


async def test_judgement_whose_embedding_failed_is_not_kept_however_sure_the_classifier_is() -> None:
    encoder = HashingEncoder()
    async with engine_with(FixedSorter(math=0.9, chat=0.1), encoder) as engine:
        caching = Caching(MemoryCache(ttl_s=3600, now=time.monotonic, uniform=lambda: 0.5), b"s" * SECRET_BYTES, lambda _: None)
        metrics = ClassifierMetrics(silent_telemetry("classifier").registry)
        answering = Answering(engine, caching, metrics=metrics, tracing=Tracing(), now=time.monotonic)
        encoder.is_broken = True
        without = await answering.classify(POEM, Strategy.BERT, deadline_s=NEVER_S)
        encoder.is_broken = False
        whole, found = [await answering.classify(POEM, Strategy.BERT, deadline_s=NEVER_S) for _ in range(2)]
        await answering.aclose()
    assert (without.judgement.category, without.encoder, without.cache) == ("math", None, CacheUse.MISS)
    assert (whole.encoder, whole.cache, found.cache) == ("hashing", CacheUse.MISS, CacheUse.HIT)


async def test_broken_model_is_refused_until_it_works_again() -> None:
    sorter = FixedSorter(weak=0.9, strong=0.1)
    async with engine_with(sorter, HashingEncoder()) as engine:
        sorter.is_broken = True
        with pytest.raises(PreconditionRequired) as refusal:
            await engine.classify(POEM, Strategy.BERT, SETUP, deadline_s=NEVER_S)
        assert (refusal.value.reason, refusal.value.param) == ("strategy_unavailable", "strategy")
        sorter.is_broken = False
        assert (await engine.classify(POEM, Strategy.BERT, SETUP, deadline_s=NEVER_S)).judgement.difficulty is Difficulty.EASY


@pytest.mark.parametrize(
    ("part", "message", "degraded"),
    [
        (None, "ROUTER_MODEL_PATH is not set", (names.ENCODER_UNAVAILABLE,)),
        (NoFineTunedPart("torch is not installed", is_wanted=True), "torch", (names.ENCODER_UNAVAILABLE, names.ROUTER_MODEL_UNAVAILABLE)),
    ],
    ids=["not asked for", "asked for"],
)
async def test_without_a_model_the_refusal_says_what_is_missing(
    part: NoFineTunedPart | None, message: str, degraded: tuple[str, ...]
) -> None:
    options = {} if part is None else {"fine_tuned": part}
    engine = ClassificationEngine(SETUP, None, tracing=Tracing(), log=get_logger("classifier"), **options)
    with pytest.raises(PreconditionRequired, match=f"strategy bert: {message}"):
        await engine.classify(POEM, Strategy.BERT, SETUP, deadline_s=NEVER_S)
    assert engine.degraded == degraded
    assert engine.models_of(Strategy.BERT) is None
