import asyncio
import math
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from pointsman.classifier.core.batching import BatchLimits
from pointsman.classifier.core.fusion import Strategy
from pointsman.classifier.core.setup import NewCategory, NewSetup, Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.classification import ClassificationEngine, LearnedPart
from pointsman.classifier.engine.embedding_queue import EmbeddingQueue
from pointsman.classifier.engine.setup_switch import SetupSwitch
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.logging import get_logger
from pointsman.kit.tracing import Tracing
from pointsman.rules.keyword_rules import KeywordRule, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import tiny_artifact

BUILT_IN = compile_rules([KeywordRule("poem", "creative_writing", r"\bpoem\b", 6.0)])
PLEASE = KeywordRule("please", "chat", "please", 6.0)
LEASE = Turn("review the lease of my flat")
LEGAL = NewCategory("legal", "", (LEASE.text,))


@dataclass
class Rig:
    """An engine and its switch."""

    encoder: HashingEncoder
    engine: ClassificationEngine
    switch: SetupSwitch

    async def category_of(self, turn: Turn) -> str:
        return (await self.engine.classify(turn, Strategy.HYBRID, self.engine.setup, deadline_s=math.inf)).judgement.category


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    encoder, log = HashingEncoder(), get_logger("classifier")
    limits = BatchLimits(max_batch_tokens=256, max_batch_entries=8, max_admitted_entries=8)
    with ThreadPoolExecutor(1) as executor:
        queue = EmbeddingQueue(encoder, limits, executor=executor, now=time.monotonic)
        engine = ClassificationEngine(Setup(BUILT_IN, (), "first"), LearnedPart(tiny_artifact(encoder), queue), tracing=Tracing(), log=log)
        switch = SetupSwitch(engine, queue, BUILT_IN, log)
        tasks = [asyncio.create_task(queue.run()), asyncio.create_task(switch.run())]
        try:
            yield Rig(encoder, engine, switch)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def test_added_category_is_found_by_its_examples_without_a_restart() -> None:
    async with rig() as parts:
        assert await parts.category_of(LEASE) == "analysis"
        parts.switch.propose(NewSetup((), (LEGAL,)))
        await parts.switch.switch()
        assert await parts.category_of(LEASE) == "legal"
        assert parts.engine.categories[-1] == "legal"


async def test_proposal_comes_into_force_by_itself() -> None:
    async with rig() as parts:
        parts.switch.propose(NewSetup((PLEASE,), ()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        classified = await parts.engine.classify(Turn("please"), Strategy.RULES, parts.engine.setup, deadline_s=math.inf)
    assert classified.judgement.matched_rules == ("chat/please",)


async def test_of_several_proposals_the_newest_wins() -> None:
    async with rig() as parts:
        parts.switch.propose(NewSetup((PLEASE,), (LEGAL,)))
        parts.switch.propose(NewSetup((PLEASE,), ()))
        await parts.switch.switch()
        assert "legal" not in parts.engine.categories


async def test_no_rules_mean_the_built_in_ones() -> None:
    async with rig() as parts:
        for new in (NewSetup((PLEASE,), ()), NewSetup((), ())):
            parts.switch.propose(new)
            await parts.switch.switch()
        classified = await parts.engine.classify(Turn("a poem, please"), Strategy.RULES, parts.engine.setup, deadline_s=math.inf)
    assert classified.judgement.matched_rules == ("creative_writing/poem",)


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        pytest.param(NewSetup((KeywordRule("bad", "chat", "(", 1.0),), ()), "chat/bad", id="pattern"),
        pytest.param(NewSetup((), (NewCategory("coding", "", ("x",)),)), "'coding'", id="category"),
    ],
)
async def test_configuration_that_cannot_be_used_is_refused_and_changes_nothing(new: NewSetup, fault: str) -> None:
    async with rig() as parts:
        with pytest.raises(InvalidArgument, match=fault):
            parts.switch.propose(new)
        await parts.switch.switch()
        assert parts.engine.setup.version == "first"


async def test_with_a_failing_encoder_the_rules_are_switched_alone() -> None:
    async with rig() as parts:
        parts.encoder.is_broken = True
        parts.switch.propose(NewSetup((PLEASE,), (LEGAL,)))
        await parts.switch.switch()
        setup = parts.engine.setup
        classified = await parts.engine.classify(Turn("please"), Strategy.RULES, setup, deadline_s=math.inf)
    assert classified.judgement.matched_rules == ("chat/please",)
    assert setup.version == setup.rules.version  # not that of a setup with the category


async def test_without_an_encoder_an_added_category_is_found_by_its_rules() -> None:
    engine = ClassificationEngine(Setup(BUILT_IN, (), "first"), None, tracing=Tracing(), log=get_logger("classifier"))
    switch = SetupSwitch(engine, None, BUILT_IN, get_logger("classifier"))
    switch.propose(NewSetup((KeywordRule("lease", "legal", "lease", 6.0),), (LEGAL,)))
    await switch.switch()
    assert (await engine.classify(LEASE, Strategy.HYBRID, engine.setup, deadline_s=math.inf)).judgement.category == "legal"
