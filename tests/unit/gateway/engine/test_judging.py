"""The classifier's word within its budget, else the rules'."""

import asyncio
import math
from dataclasses import replace
from hashlib import sha256

import pytest

from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.core.judgement import CacheUse, ClassificationMethod, Judgement
from pointsman.gateway.engine.judgement_cache import JudgementCache
from pointsman.gateway.engine.judging import Judging, is_sound, text_to_judge
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import PromptText, RulesInForce, Strategy
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, InvalidArgument, Overloaded, PreconditionRequired, ServiceError, Unavailable
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeClassifier
from tests.fakes.gateways import ruled
from tests.unit.gateway.core.samples import judgement

PROMPT = PromptText("Write a function")
DEADLINE = Deadline(math.inf)  # modules are loaded minutes before their tests run
AWAY = Unavailable("dependency_down", "away")


def judging(
    classifier: FakeClassifier, *, world: World | None = None, circuit: Circuit | None = None, cache: JudgementCache | None = None
) -> Judging:
    return Judging(
        classifier=classifier,
        world=world or World(rules=RulesInForce(ruled)),
        circuit=circuit or Circuit(),
        cache=cache,
        keyed_hash=lambda text: sha256(text).digest(),
        budget_s=0.15,
        log=get_logger("gateway"),
        now_s=lambda: 0.0,
    )


async def test_the_classifiers_judgement_is_taken_as_it_is() -> None:
    classifier = FakeClassifier()
    judged = await judging(classifier).judge(PROMPT, Strategy.SIMILARITY, DEADLINE)
    assert (judged.judgement, judged.is_degraded) == (classifier.answer, False)
    assert classifier.calls == [(PROMPT, Strategy.SIMILARITY)]


@pytest.mark.parametrize(
    "error",
    [AWAY, DeadlineExceeded("deadline_exceeded", "late"), Overloaded("overloaded", "busy"), InvalidArgument("invalid_value", "odd")],
    ids=["away", "late", "overloaded", "refused"],
)
async def test_without_the_classifier_rules_judge_and_it_is_marked(error: ServiceError) -> None:
    judged = await judging(FakeClassifier(error=error)).judge(PROMPT, Strategy.HYBRID, DEADLINE)
    assert judged.is_degraded
    assert judged.judgement is not None
    assert judged.judgement.method is ClassificationMethod.DEGRADED


@pytest.mark.parametrize(
    "refusal",
    [
        PreconditionRequired("strategy_unavailable", "strategy bert: ROUTER_MODEL_PATH is not set", param="strategy"),
        InvalidArgument("invalid_value", "strategy: 5 is not one", param="strategy"),
    ],
    ids=["has no model", "too old"],
)
@pytest.mark.parametrize("cached", [False, True], ids=["no cache", "cache"])
async def test_strategy_that_the_classifier_cannot_do_is_hybrid_and_told(refusal: ServiceError, *, cached: bool) -> None:
    classifier = FakeClassifier(errors_by_strategy={Strategy.BERT: refusal})
    cache = JudgementCache(max_entries=10, max_bytes=100_000, time_to_live_s=60) if cached else None
    asking = judging(classifier, cache=cache)
    for _ in range(4):
        judged = await asking.judge(PROMPT, Strategy.BERT, DEADLINE)
        assert judged.judgement is not None
        assert judged.judgement.category == classifier.answer.category
        assert (judged.is_other_strategy, judged.is_degraded) == (True, False)
    asked = [strategy for _, strategy in classifier.calls]
    assert asked.count(Strategy.BERT) == 4, "the classifier may have got its model meanwhile"
    assert asked.count(Strategy.HYBRID) == (1 if cached else 4)
    assert not (await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)).is_other_strategy


async def test_without_rules_there_is_no_judgement() -> None:
    judged = await judging(FakeClassifier(error=AWAY), world=World()).judge(PROMPT, Strategy.HYBRID, DEADLINE)
    assert (judged.judgement, judged.is_degraded) == (None, True)


async def test_a_dead_classifier_is_not_asked_again_until_its_rest_is_over() -> None:
    classifier = FakeClassifier(error=AWAY)
    asking = judging(classifier)
    for _ in range(10):
        await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)
    assert len(classifier.calls) == 3


async def test_requests_with_less_time_than_the_classifier_is_allowed_do_not_open_its_circuit() -> None:
    classifier = FakeClassifier(error=DeadlineExceeded("deadline_exceeded", "late"))
    asking = judging(classifier)
    for _ in range(10):
        assert (await asking.judge(PROMPT, Strategy.HYBRID, Deadline(0.1))).is_degraded
    assert len(classifier.calls) == 10, "the caller's time was over, not the classifier's"
    for _ in range(10):
        await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)
    assert len(classifier.calls) == 13


async def test_an_overloaded_or_refusing_classifier_is_asked_again() -> None:
    classifier = FakeClassifier(error=Overloaded("overloaded", "busy"))
    asking = judging(classifier)
    for _ in range(10):
        await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)
    assert len(classifier.calls) == 10


async def test_a_caller_who_leaves_frees_the_probe() -> None:
    circuit = Circuit(failure_limit=1, rest_s=0.0)
    circuit.record_failure(0.0)
    classifier = FakeClassifier(gate=asyncio.Event())
    probe = asyncio.create_task(judging(classifier, circuit=circuit).judge(PROMPT, Strategy.HYBRID, DEADLINE))
    await asyncio.sleep(0)
    assert not circuit.try_acquire(0.0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert circuit.try_acquire(0.0)


NAN = float("nan")
UNSOUND: dict[str, Judgement] = {
    "no probabilities": replace(judgement(), category_probabilities={}),
    "category without probability": replace(judgement(), category="math"),
    "unknown category": replace(judgement("spells"), category_probabilities={"spells": 1.0}),
    "NaN probability": replace(judgement(), category_probabilities={"coding": NAN}),
    "probabilities that do not sum to 1": replace(judgement(), category_probabilities={"coding": 0.5}),
    "a million labels": replace(judgement(), category_probabilities={"coding": 1.0, **{f"c{number}": 0.0 for number in range(1_000)}}),
    "NaN difficulty": replace(judgement(), difficulty_logit=NAN),
    "endless difficulty": replace(judgement(), difficulty_logit=float("inf")),
    "no discrimination": replace(judgement(), discrimination=0.0),
    "confidence above 1": replace(judgement(), domain_confidence=1.5),
    "NaN weight of a skill": replace(judgement(), skills={"crux": NAN}),
    "weight of a skill above 1": replace(judgement(), skills={"crux": 1e300}),
    "a thousand skills": replace(judgement(), skills={f"s{number}": 0.0 for number in range(1_000)}),
    "NaN creativity": replace(judgement(), creativity_score=NAN),
}


@pytest.mark.parametrize("answer", UNSOUND.values(), ids=UNSOUND)
async def test_an_answer_that_cannot_be_reckoned_with_counts_as_none(answer: Judgement) -> None:
    judged = await judging(FakeClassifier(answer=answer)).judge(PROMPT, Strategy.HYBRID, DEADLINE)
    assert judged.is_degraded


def test_categories_of_the_catalogue_are_known() -> None:
    assert is_sound(judgement("spells"), {"spells"})


def memory() -> JudgementCache:
    return JudgementCache(max_entries=10, max_bytes=1 << 20, time_to_live_s=100.0, now_s=lambda: 0.0)


async def test_the_second_time_the_classifier_is_not_asked() -> None:
    classifier = FakeClassifier()
    asking = judging(classifier, cache=memory())
    judged = [await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE) for _ in range(2)]
    assert ([one.cache for one in judged], len(classifier.calls)) == ([CacheUse.MISS, CacheUse.HIT], 1)
    assert judged[1].judgement == replace(classifier.answer, cache_hit=True)


async def test_a_hit_in_the_classifiers_cache_is_one() -> None:
    classifier = FakeClassifier(answer=replace(judgement(), cache_hit=True))
    assert (await judging(classifier).judge(PROMPT, Strategy.HYBRID, DEADLINE)).cache is CacheUse.HIT
    assert (await judging(FakeClassifier()).judge(PROMPT, Strategy.HYBRID, DEADLINE)).cache is CacheUse.OFF


async def test_other_rules_make_every_prompt_new() -> None:
    classifier, world = FakeClassifier(), World(rules=RulesInForce(ruled, version="e/1"))
    asking = judging(classifier, world=world, cache=memory())
    await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)
    world.rules = RulesInForce(ruled, version="e/2")
    assert (await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)).cache is CacheUse.MISS


@pytest.mark.parametrize("answer", UNSOUND.values(), ids=UNSOUND)
async def test_an_answer_that_cannot_be_reckoned_with_is_not_kept(answer: Judgement) -> None:
    classifier = FakeClassifier(answer=answer)
    asking = judging(classifier, cache=memory())
    await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)
    classifier.answer = judgement()
    judged = await asking.judge(PROMPT, Strategy.HYBRID, DEADLINE)
    assert (judged.judgement, judged.cache) == (judgement(), CacheUse.MISS)


@pytest.mark.parametrize("text", ["caf\u00e9\nbar", "  caf\u00e9\nbar\n", "cafe\u0301\r\nbar"], ids=["plain", "in space", "decomposed"])
def test_ways_of_writing_the_same_are_one_text(text: str) -> None:
    assert text_to_judge(text) == "caf\u00e9\nbar"
