"""Feedback reaches the ledger or is refused; what was decided a moment ago is there first."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from pointsman.gateway.core.outcomes import Outcomes
from pointsman.gateway.engine.feedback_intake import FeedbackIntake
from pointsman.gateway.outcome_ports import Feedback
from pointsman.gateway.ports import Account
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, NotFound, Unavailable
from tests.fakes.gateway_services import FakeLedger, FakeOutcomes
from tests.fakes.gateways import FakeGateway
from tests.unit.gateway.engine.test_routing import order

LATER = Deadline(math.inf)
JUDGED = Feedback("fbk_1", Account(), 1.0, request_id="req_1")


class KnowsWhatIsRecorded(FakeOutcomes):
    """Knows the decisions that the ledger beside it has."""

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__(known=set())
        self._ledger = ledger

    async def record_feedback(self, feedback: Feedback, *, deadline: Deadline) -> None:
        self.known = {record.request_id for record in self._ledger.records.values()}
        await super().record_feedback(feedback, deadline=deadline)


async def test_a_decision_that_the_ledger_has_not_heard_of_is_recorded_first() -> None:
    gateway = FakeGateway()
    outcomes = KnowsWhatIsRecorded(gateway.ledger)
    engine = gateway.parts().engine
    await engine.routing.route(order(), LATER)
    assert not gateway.ledger.records
    await FeedbackIntake(ledger=outcomes, book=engine.book).record(JUDGED, LATER)
    assert outcomes.kept == {"fbk_1": JUDGED}
    assert not engine.book.has_unrecorded


async def test_what_nobody_knows_is_not_found() -> None:
    outcomes = FakeOutcomes(known=set())
    with pytest.raises(NotFound):
        await FeedbackIntake(ledger=outcomes, book=FakeGateway().parts().book).record(JUDGED, LATER)


async def test_with_the_ledger_away_nothing_is_pretended() -> None:
    away = Unavailable("dependency_down", "the ledger cannot be used now")
    outcomes = FakeOutcomes(error=away)
    with pytest.raises(Unavailable):
        await FeedbackIntake(ledger=outcomes, book=FakeGateway().parts().book).record(JUDGED, LATER)
    assert outcomes.kept == {}


class Hanging:
    """A ledger that never answers in time."""

    async def record_feedback(self, feedback: Feedback, *, deadline: Deadline) -> None:
        raise DeadlineExceeded("deadline_exceeded", "call ledger: it took too long")

    def watch_outcomes(self, *, deadline: Deadline) -> AbstractAsyncContextManager[AsyncIterator[Outcomes]]:
        raise AssertionError("nobody watches")


@pytest.mark.parametrize(("deadline", "refusal"), [(LATER, Unavailable), (Deadline(0.0), DeadlineExceeded)], ids=["ours", "the caller's"])
async def test_a_ledger_that_hangs_is_away_unless_the_callers_own_time_is_over(deadline: Deadline, refusal: type[Exception]) -> None:
    intake = FeedbackIntake(ledger=Hanging(), book=FakeGateway().parts().book)
    with pytest.raises(refusal):
        async with asyncio.timeout(5):
            await intake.record(JUDGED, deadline)
