"""Decisions: run at once, recorded in batches, found again."""

import asyncio
import itertools
import json
import math
from dataclasses import replace

import pytest

from pointsman.gateway.core.routing import Cause, Constraints
from pointsman.gateway.engine import decision_book
from pointsman.gateway.engine.decision_book import DecisionBook, KeptDecision, RecordedPlan
from pointsman.gateway.engine.decision_terms import DecisionTerms
from pointsman.gateway.ports import Account, DecisionRecord
from pointsman.gateway.rest.inference.kept_decisions import recorded_plan
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import InvalidArgument, NotFound, Unavailable
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeLedger, let_all_run
from tests.unit.gateway.core.samples import VERSION

DEADLINE = Deadline(math.inf)  # modules are loaded minutes before their tests run
MADE_S = 1_000.0
OWNER, HASH = Account("acme", "key"), b"h" * 32
STRANGERS = [Account("globex", "key"), Account("acme", "other"), Account()]
DETAIL = json.dumps({"ranking": [{"model": {"id": "b"}}, {"model": {"id": "a"}}]}).encode()


def record(decision_id: str, detail: bytes = DETAIL) -> DecisionRecord:
    return DecisionRecord(decision_id, "req_1", MADE_S, OWNER, "coding", "easy", "balanced", "ranked", "b", VERSION, (), HASH, detail)


def kept(decision_id: str, detail: bytes = DETAIL) -> KeptDecision:
    made = lambda: record(decision_id, detail)  # noqa: E731  # so short
    return KeptDecision(decision_id, MADE_S, OWNER, HASH, ("b", "a"), Cause.RANKED, "balanced", DecisionTerms(), made)


def book(ledger: FakeLedger, *, time_s: float = MADE_S) -> DecisionBook:
    return DecisionBook(ledger=ledger, read_plan=recorded_plan, log=get_logger("gateway"), time_s=lambda: time_s)


async def test_a_decision_can_be_run_before_the_ledger_has_it() -> None:
    ledger = FakeLedger()
    pages = book(ledger)
    pages.keep(kept("dec_1"))
    assert (await pages.find_runnable("dec_1", OWNER, DEADLINE)).model_ids == ("b", "a")
    assert ledger.records == {}


async def test_a_decision_of_another_gateway_is_found_in_the_ledger() -> None:
    found = await book(FakeLedger(records={"dec_1": record("dec_1")})).find_runnable("dec_1", OWNER, DEADLINE)
    assert (found.model_ids, found.cause, found.policy, found.prompt_hash) == (("b", "a"), Cause.RANKED, "balanced", b"h" * 32)


async def test_an_unknown_one_and_one_older_than_an_hour_are_not_found() -> None:
    with pytest.raises(NotFound, match="no decision"):
        await book(FakeLedger()).find_runnable("dec_1", OWNER, DEADLINE)
    old = book(FakeLedger(), time_s=MADE_S + 3_601)
    old.keep(kept("dec_1"))
    with pytest.raises(NotFound, match="older"):
        await old.find_runnable("dec_1", OWNER, DEADLINE)
    assert (await old.find_record("dec_1", OWNER, DEADLINE)).decision_id == "dec_1", "it can still be read"


async def test_without_the_ledger_a_decision_that_is_not_here_is_not_said_to_be_unknown() -> None:
    with pytest.raises(Unavailable):
        await book(FakeLedger(error=Unavailable("dependency_down", "away"))).find_runnable("dec_1", OWNER, DEADLINE)


@pytest.fixture
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_book, "RENDER_DELAY_S", 0.0)
    monkeypatch.setattr(decision_book, "BATCH_WINDOW_S", 0.0)
    monkeypatch.setattr(decision_book, "FIRST_PAUSE_S", 0.0)


async def run_for_a_while(pages: DecisionBook) -> None:
    running = asyncio.create_task(pages.run())
    for _ in range(10):
        await let_all_run()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.usefixtures("no_delays")
async def test_all_are_recorded_in_the_background() -> None:
    ledger = FakeLedger()
    pages = book(ledger)
    for number in range(300):
        pages.keep(kept(f"dec_{number}"))
    await run_for_a_while(pages)
    assert len(ledger.records) == 300


@pytest.mark.usefixtures("no_delays")
async def test_each_is_rendered_once_and_requests_go_on_in_between() -> None:
    rendered: list[str] = []
    turns: list[int] = []

    def rendering(name: str) -> KeptDecision:
        def render() -> DecisionRecord:
            rendered.append(name)
            return record(name)

        return replace(kept(name), record=render)

    async def other_requests() -> None:
        while True:
            turns.append(len(rendered))
            await asyncio.sleep(0)

    ledger = FakeLedger(error=Unavailable("dependency_down", "away"))
    pages = book(ledger)
    for number in range(50):
        pages.keep(rendering(f"dec_{number}"))
    others = asyncio.create_task(other_requests())
    await run_for_a_while(pages)
    others.cancel()
    ledger.error = None
    await pages.flush(DEADLINE)
    assert (await pages.find_record("dec_7", OWNER, DEADLINE)).decision_id == "dec_7"
    assert (len(rendered), len(ledger.records)) == (50, 50)
    assert max(later - sooner for sooner, later in itertools.pairwise(turns)) == 1


async def test_long_ones_are_sent_a_few_at_a_time() -> None:
    batches: list[int] = []

    class CountingLedger(FakeLedger):
        async def record_decisions(self, records: object, *, deadline: Deadline) -> None:
            batches.append(len(records))  # type: ignore[arg-type]  # a sequence

    pages = book(CountingLedger())
    for number in range(3):
        pages.keep(kept(f"dec_{number}", b"x" * (3 << 20)))
    await pages.flush(DEADLINE)
    assert batches == [1, 1, 1]


async def test_a_batch_that_is_refused_as_such_does_not_block_the_rest() -> None:
    pages = book(FakeLedger(error=InvalidArgument("invalid_value", "odd")))
    pages.keep(kept("dec_1"))
    await pages.flush(DEADLINE)
    assert pages.dropped_count == 1


async def test_one_that_is_refused_is_lost_alone() -> None:
    ledger = FakeLedger(refuses_decision="dec_1")
    pages = book(ledger)
    for number in range(3):
        pages.keep(kept(f"dec_{number}"))
    await pages.flush(DEADLINE)
    assert (set(ledger.records), pages.dropped_count) == ({"dec_0", "dec_2"}, 1)


async def test_full_queues_lose_their_oldest_and_count_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_book, "MAX_WAITING", 2)
    monkeypatch.setattr(decision_book, "MAX_KEPT", 2)
    ledger = FakeLedger()
    pages = book(ledger)
    for number in range(3):
        pages.keep(kept(f"dec_{number}"))
    await pages.flush(DEADLINE)
    assert (set(ledger.records), pages.dropped_count) == ({"dec_1", "dec_2"}, 1)
    ledger.records.clear()
    with pytest.raises(NotFound):
        await pages.find_runnable("dec_0", OWNER, DEADLINE)


async def test_long_ones_lose_their_oldest_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_book, "MAX_WAITING_BYTES", 250)
    ledger = FakeLedger()
    pages = book(ledger)
    for number in range(4):
        pages.keep(kept(f"dec_{number}", b"x" * 100))
    await pages.flush(DEADLINE)
    assert (set(ledger.records), pages.dropped_count) == ({"dec_2", "dec_3"}, 2)


def test_candidates_and_terms_are_read_back() -> None:
    made = record("dec_1", json.dumps({**json.loads(DETAIL), "constraints": {"max_tokens": 5, "local_only": True}}).encode())
    assert recorded_plan(made) == RecordedPlan(("b", "a"), DecisionTerms(Constraints(local_only=True), 5))
    assert recorded_plan(record("dec_1")) == RecordedPlan(("b", "a")), "older records hold no terms"


@pytest.mark.parametrize("stranger", STRANGERS, ids=["project", "key", "nobody"])
@pytest.mark.parametrize("place", ["here", "in the ledger"])
async def test_a_strangers_decision_is_not_found_wherever_it_is(stranger: Account, place: str) -> None:
    pages = book(FakeLedger(records={"dec_1": record("dec_1")} if place == "in the ledger" else {}))
    if place == "here":
        pages.keep(kept("dec_1"))
    with pytest.raises(NotFound, match="no decision has this id"):
        await pages.find_record("dec_1", stranger, DEADLINE)
    with pytest.raises(NotFound, match="no decision has this id"):
        await pages.find_runnable("dec_1", stranger, DEADLINE)
    assert (await pages.find_runnable("dec_1", OWNER, DEADLINE)).account == OWNER
