"""What changes is read once, for all who watch."""

import asyncio

import pytest

from pointsman.kit.errors import Conflict, InvalidArgument, NotFound
from pointsman.ledger.core.outcomes import MAX_FEEDBACK_OF_ONE
from pointsman.ledger.core.values import Feedback
from pointsman.ledger.engine.outcome_watch import OutcomeWatch
from tests.unit.ledger.books import ACCOUNT
from tests.unit.ledger.core.test_outcomes import an_answer
from tests.unit.ledger.engine.test_bookkeeping import Ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


async def test_where_nothing_happened_version_1_holds_nothing(ledger: Ledger) -> None:
    outcomes = await OutcomeWatch(ledger.store).read()
    assert (outcomes.version, outcomes.stats) == (1, ())


async def test_what_has_changed_is_read_and_the_rest_is_held(ledger: Ledger) -> None:
    watch = OutcomeWatch(ledger.store)
    await ledger.bookkeeping.settle_spend(an_answer(1))
    await ledger.bookkeeping.settle_spend(an_answer(2, category="math"))
    first = await watch.read()
    assert await watch.read() is first, "nothing has changed"
    await ledger.bookkeeping.settle_spend(an_answer(3))
    second = await watch.read()
    assert (first.version, second.version) == (3, 4)
    assert {(stat.category, stat.answer_count) for stat in second.stats} == {("coding", 2), ("math", 1)}


async def test_who_waits_is_woken_by_the_end(ledger: Ledger) -> None:
    watch = OutcomeWatch(ledger.store)
    await watch.pause(0.0)
    waiting = asyncio.create_task(watch.pause(3_600.0))
    await asyncio.sleep(0)
    watch.end()
    await waiting
    assert watch.has_ended


async def test_refusals_have_their_reason(ledger: Ledger) -> None:
    await ledger.bookkeeping.settle_spend(an_answer(1))
    judged = Feedback("fbk_1", ACCOUNT, "", 1.0, "req_1")
    await ledger.bookkeeping.record_feedback(judged)
    with pytest.raises(NotFound) as unknown:
        await ledger.bookkeeping.record_feedback(Feedback("fbk_2", ACCOUNT, "", 1.0, "req_2"))
    with pytest.raises(Conflict) as taken:
        await ledger.bookkeeping.record_feedback(Feedback("fbk_1", ACCOUNT, "", 0.0, "req_1"))
    for number in range(2, MAX_FEEDBACK_OF_ONE + 1):
        await ledger.bookkeeping.record_feedback(Feedback(f"fbk_{number}", ACCOUNT, "", 1.0, "req_1"))
    with pytest.raises(InvalidArgument) as full:
        await ledger.bookkeeping.record_feedback(Feedback("fbk_more", ACCOUNT, "", 1.0, "req_1"))
    assert [caught.value.reason for caught in (unknown, taken, full)] == ["decision_not_found", "feedback_exists", "too_much_feedback"]
