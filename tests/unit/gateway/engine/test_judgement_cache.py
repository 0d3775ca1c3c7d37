"""Judgements in memory: found again, made once for all who wait, bounded, and never a worse one than a new one would be."""

import asyncio
import math
from collections import Counter
from dataclasses import replace
from hashlib import sha256

import pytest

from pointsman.gateway.core.judgement import ClassificationMethod, Judgement, NearestExample
from pointsman.gateway.engine.judgement_cache import CacheEvent, Found, JudgementCache, byte_count_of, cache_scope, judgement_key
from pointsman.gateway.ports import PromptText, Strategy
from pointsman.kit.deadline import Deadline
from tests.fakes.gateway_services import let_all_run
from tests.unit.gateway.core.samples import judgement

FOREVER = Deadline(math.inf)
MADE = replace(judgement(), version="v1", total_s=0.003, embed_s=0.002)


class Desk:
    """A cache at a clock that the test moves, and one who is asked."""

    def __init__(self, *, max_entries: int = 100, max_bytes: int = 1 << 20, uniform: float = 0.5) -> None:
        self.now_s = 1_000.0
        self.events: Counter[CacheEvent] = Counter()
        self.asked = 0
        self.answer: Judgement | None = MADE
        self.gate: asyncio.Event | None = None
        self.cache = JudgementCache(
            max_entries=max_entries,
            max_bytes=max_bytes,
            time_to_live_s=100.0,
            on_event=lambda event: self.events.update([event]),
            now_s=lambda: self.now_s,
            uniform=lambda: uniform,
        )

    async def ask(self) -> Judgement | None:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        return self.answer

    async def find(self, key: bytes = b"key", deadline: Deadline = FOREVER) -> Found:
        return await self.cache.find(key, self.ask, deadline)


async def test_what_was_judged_is_found_and_took_no_time() -> None:
    desk = Desk()
    first, second = await desk.find(), await desk.find()
    assert (first, desk.asked) == (Found(MADE), 1)
    assert second == Found(replace(MADE, cache_hit=True, total_s=0.0, embed_s=0.0), was_there=True)
    assert desk.events == {CacheEvent.MISS: 1, CacheEvent.HIT: 1}


@pytest.mark.parametrize(("uniform", "lived_s"), [(0.0, 90.0), (0.5, 100.0), (1.0, 110.0)])
async def test_an_entry_ends_after_its_time_a_tenth_more_or_less(uniform: float, lived_s: float) -> None:
    desk = Desk(uniform=uniform)
    await desk.find()
    desk.now_s += lived_s - 0.01
    assert (await desk.find()).was_there
    desk.now_s += 0.02
    assert not (await desk.find()).was_there


async def test_the_least_recently_used_goes_first() -> None:
    desk = Desk(max_entries=2)
    for key in (b"a", b"b", b"a", b"c"):
        await desk.find(key)
    assert ((await desk.find(b"a")).was_there, (await desk.find(b"b")).was_there) == (True, False)
    assert len(desk.cache) == 2


async def test_memory_is_bounded_by_bytes() -> None:
    room = 3 * (byte_count_of(MADE) + 3)
    desk = Desk(max_bytes=room)
    for number in range(10):
        await desk.find(f"k{number:02}".encode())
    assert (len(desk.cache), desk.cache.byte_count) == (3, room)
    desk.answer = replace(MADE, nearest_examples=(NearestExample("x" * room, "coding", 1.0),))
    await desk.find(b"huge")
    assert not (await desk.find(b"huge")).was_there, "it alone is more than there is room for"
    assert len(desk.cache) == 3


def test_skills_take_memory_too() -> None:
    assert byte_count_of(replace(MADE, skills={"crux": 0.5})) > byte_count_of(MADE)


@pytest.mark.parametrize("answer", [None, replace(MADE, method=ClassificationMethod.DEGRADED)], ids=["none", "without encoder"])
async def test_what_the_classifier_could_not_judge_well_is_not_kept(answer: Judgement | None) -> None:
    desk = Desk()
    desk.answer = answer
    await desk.find()
    desk.answer = MADE
    assert (await desk.find(), desk.asked) == (Found(MADE), 2)


async def test_another_artefact_empties_the_cache() -> None:
    desk = Desk()
    await desk.find(b"a")
    desk.answer = replace(MADE, version="v2")
    await desk.find(b"b")
    assert ((await desk.find(b"a")).was_there, (await desk.find(b"b")).was_there) == (False, True)
    assert desk.events[CacheEvent.CLEARED] == 1


async def test_a_classifier_without_its_encoder_does_not_empty_the_cache() -> None:
    desk = Desk()
    await desk.find(b"a")
    desk.answer = replace(MADE, method=ClassificationMethod.DEGRADED, version="v1, rules alone")
    await desk.find(b"b")
    assert ((await desk.find(b"a")).was_there, desk.events[CacheEvent.CLEARED]) == (True, 0)


async def test_one_asks_for_all_who_want_the_same() -> None:
    desk = Desk()
    desk.gate = asyncio.Event()
    finding = [asyncio.create_task(desk.find()) for _ in range(500)]
    await let_all_run()
    desk.gate.set()
    found = await asyncio.gather(*finding)
    assert desk.asked == 1
    assert {one.judgement is not None for one in found} == {True}
    assert desk.events == {CacheEvent.MISS: 1, CacheEvent.JOINED: 499}


async def test_a_failure_is_everybodys_and_not_asked_500_times() -> None:
    desk = Desk()
    desk.gate, desk.answer = asyncio.Event(), None
    finding = [asyncio.create_task(desk.find()) for _ in range(500)]
    await let_all_run()
    desk.gate.set()
    assert set(await asyncio.gather(*finding)) == {Found(None)}
    assert desk.asked == 1


async def test_a_caller_who_leaves_does_not_fail_those_who_wait() -> None:
    desk = Desk()
    desk.gate = asyncio.Event()
    first = asyncio.create_task(desk.find())
    await let_all_run()
    others = [asyncio.create_task(desk.find()) for _ in range(3)]
    await let_all_run()
    first.cancel()
    await let_all_run()
    desk.gate.set()
    found = await asyncio.gather(*others)
    assert (first.cancelled(), desk.asked) == (True, 2)
    assert all(one.judgement is not None for one in found)


async def test_a_caller_who_runs_out_of_time_does_not_fail_those_who_have_more() -> None:
    desk = Desk()
    desk.gate, desk.answer = asyncio.Event(), None
    hasty = asyncio.create_task(desk.find(deadline=Deadline(1_000.1)))
    await let_all_run()
    patient = asyncio.create_task(desk.find(deadline=Deadline(1_010.0)))
    await let_all_run()
    desk.now_s = 1_000.2
    desk.gate.set()
    assert await hasty == Found(None)
    desk.answer = MADE
    assert (await patient).judgement == MADE


async def test_one_who_waits_for_another_waits_no_longer_than_his_own_time() -> None:
    desk = Desk()
    desk.gate = asyncio.Event()
    patient = asyncio.create_task(desk.find())
    await let_all_run()
    assert await desk.find(deadline=Deadline(desk.now_s)) == Found(None)
    desk.gate.set()
    assert (await patient).judgement == MADE


PROMPT = PromptText("text", "digest", "scope")


def key(prompt: PromptText = PROMPT, strategy: Strategy = Strategy.HYBRID, version: str = "e/1") -> bytes:
    return judgement_key(prompt, strategy, version, lambda text: sha256(text).digest())


@pytest.mark.parametrize(
    "other",
    [
        key(replace(PROMPT, text="other")),
        key(replace(PROMPT, context_digest=None)),
        key(replace(PROMPT, context_digest="dig", text="esttext")),
        key(replace(PROMPT, cache_scope="stranger's")),
        key(strategy=Strategy.RULES),
        key(version="e/2"),
    ],
    ids=["text", "digest", "border", "scope", "strategy", "rules"],
)
def test_all_that_a_judgement_rests_on_is_in_its_key(other: bytes) -> None:
    assert key() == key()
    assert other != key()


def test_a_scope_tells_nothing_of_the_project_but_which() -> None:
    scopes = {project: cache_scope(project, lambda text: sha256(text).digest()) for project in ("acme", "globex")}
    assert len(set(scopes.values())) == 2
    assert all(project not in scope and len(scope) <= 128 for project, scope in scopes.items())
