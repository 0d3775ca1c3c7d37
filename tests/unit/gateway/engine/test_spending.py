"""Reservations before the first paid call."""

import pytest

from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.engine.call_plan import CallPlan
from pointsman.gateway.engine.settling import Settling
from pointsman.gateway.engine.spending import Spending
from pointsman.gateway.ports import Account
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import InvalidArgument, RateLimited, Unavailable
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeLedger
from tests.unit.gateway.core.samples import VERSION
from tests.unit.gateway.engine.test_call_plan import ids, plan

AWAY = Unavailable("dependency_down", "away")


class Desk:
    """Spending over a fake ledger, at a clock that stands still."""

    def __init__(self, ledger: FakeLedger) -> None:
        self.ledger = ledger
        self.settling = Settling(ledger=ledger, budget_s=0.3, log=get_logger("gateway"))
        self.spending = Spending(ledger=ledger, settling=self.settling, circuit=Circuit(), budget_s=0.25, now_s=lambda: 100.0)

    async def open(self, made: CallPlan) -> tuple[CallPlan, str | None]:
        return await self.spending.open(
            made, request_id="req_1", account=Account(), catalog_version=VERSION, deadline=Deadline.after(65, now_s=100.0)
        )


async def test_the_worst_case_is_reserved_until_a_minute_after_the_deadline() -> None:
    desk = Desk(FakeLedger())
    left, spend_id = await desk.open(plan("a", "b"))
    (spend,) = desk.ledger.spends
    assert (left, spend_id) == (plan("a", "b"), spend.spend_id)
    assert (spend.planned_attempts, spend.time_to_live_s) == (left.planned_attempts, 125.0)


async def test_nothing_is_asked_for_what_is_free() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    assert await desk.open(plan("free")) == (plan("free"), None)


async def test_without_the_ledger_the_free_ones_are_left() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    left, spend_id = await desk.open(plan("a", "free"))
    assert (ids(left), spend_id) == (["free"], None)
    with pytest.raises(Unavailable, match="ledger"):
        await desk.open(plan("a"))


async def test_a_reservation_that_may_have_been_made_is_given_back() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    await desk.open(plan("a", "free"))
    desk.ledger.error = None
    await desk.settling.flush(Deadline.after(5))
    (settlement,) = desk.ledger.settlements
    assert (settlement.attempts, settlement.spend_id is not None) == ((), True)


async def test_a_dead_ledger_is_not_asked_again_at_once() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    for _ in range(5):
        await desk.open(plan("a", "free"))
    desk.ledger.error = None
    await desk.open(plan("a", "free"))
    assert desk.ledger.spends == []


async def test_a_spend_that_is_refused_says_nothing_against_the_ledger() -> None:
    desk = Desk(FakeLedger(error=InvalidArgument("invalid_value", "odd")))
    for _ in range(5):
        await desk.open(plan("a", "free"))
    desk.ledger.error = None
    left, _ = await desk.open(plan("a", "free"))
    assert left == plan("a", "free")


async def test_what_the_budget_does_not_allow_is_dropped_or_refused() -> None:
    desk = Desk(FakeLedger(admits=1))
    left, spend_id = await desk.open(plan("a", "b", "c"))
    assert (ids(left), left.max_attempts, spend_id is not None) == (["a"], 1, True)
    desk.ledger.admits = 0
    with pytest.raises(RateLimited) as refused:
        await desk.open(plan("a"))
    assert refused.value.reason == "budget_exceeded"
