"""Reservations before the first paid call."""

import asyncio
import math

import pytest

from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.engine.backlog import Backlog
from pointsman.gateway.engine.call_plan import CallPlan
from pointsman.gateway.engine.spending import Spending
from pointsman.gateway.ports import Account, OpenedSpend, Spend
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, InvalidArgument, RateLimited, Unavailable
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeLedger, FakeSpool, let_all_run
from tests.unit.gateway.core.samples import VERSION
from tests.unit.gateway.engine.test_call_plan import ids, plan

AWAY = Unavailable("dependency_down", "away")
DISK_FULL = Unavailable("dependency_down", "No space left on device")


class Desk:
    """Spending over a fake ledger, at a clock that stands still."""

    def __init__(self, ledger: FakeLedger, spool: FakeSpool | None = None) -> None:
        self.ledger = ledger
        self.spool = spool or FakeSpool()
        self.backlog = Backlog(ledger=ledger, spool=self.spool, log=get_logger("gateway"), time_s=lambda: 1e9)
        self.spending = Spending(ledger=ledger, backlog=self.backlog, circuit=Circuit(), budget_s=0.25, now_s=lambda: 100.0)

    async def open(self, made: CallPlan, *, left_s: float = 65.0) -> tuple[CallPlan, str | None]:
        deadline = Deadline.after(left_s, now_s=100.0)
        return await self.spending.open(made, request_id="req_1", account=Account(), catalog_version=VERSION, deadline=deadline)


async def test_the_worst_case_is_reserved_until_a_minute_after_the_deadline() -> None:
    desk = Desk(FakeLedger())
    left, spend_id = await desk.open(plan("a", "b"))
    (spend,) = desk.ledger.spends
    assert (left, spend_id) == (plan("a", "b"), spend.spend_id)
    assert (spend.planned_attempts, spend.time_to_live_s) == (left.planned_attempts, 125.0)


async def test_nothing_is_asked_for_what_is_free() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    assert await desk.open(plan("free")) == (plan("free"), None)


async def test_without_the_ledger_the_worst_case_is_spooled_before_anything_is_spent() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    left, spend_id = await desk.open(plan("a", "free"))
    (spooled,) = desk.spool.kept
    assert (left, isinstance(spooled, OpenedSpend) and spooled.spend.spend_id == spend_id) == (plan("a", "free"), True)
    desk.ledger.error = None
    await desk.backlog.flush(Deadline(math.inf))
    assert [(spend.spend_id, spend.planned_attempts) for spend in desk.ledger.spends] == [(spend_id, left.planned_attempts)]


async def test_with_neither_ledger_nor_spool_the_free_ones_are_left() -> None:
    desk = Desk(FakeLedger(error=AWAY), FakeSpool(error=DISK_FULL))
    left, spend_id = await desk.open(plan("a", "free"))
    assert (ids(left), spend_id) == (["free"], None)
    with pytest.raises(Unavailable) as refused:
        await desk.open(plan("a"))
    assert refused.value.reason == "dependency_down"


async def test_a_reservation_that_may_have_been_made_is_given_back() -> None:
    desk = Desk(FakeLedger(error=AWAY), FakeSpool(error=DISK_FULL))
    await desk.open(plan("a", "free"))
    desk.ledger.error = None
    await desk.backlog.flush(Deadline(math.inf))
    (settlement,) = desk.ledger.settlements
    assert (settlement.attempts, settlement.spend_id is not None) == ((), True)


async def test_one_that_the_ledger_never_heard_of_is_not() -> None:
    desk = Desk(FakeLedger(error=AWAY), FakeSpool(error=DISK_FULL))
    for _ in range(10):
        await desk.open(plan("a", "free"))
    assert len(desk.backlog) == 3, "as often as it was asked"


@pytest.mark.parametrize("waits_for", ["ledger", "spool"])
async def test_a_caller_who_leaves_while_it_is_opened_gives_it_back(waits_for: str) -> None:
    class SlowLedger(FakeLedger):
        async def open_spend(self, spend: Spend, *, deadline: Deadline) -> int:
            return await asyncio.Event().wait()

    desk = Desk(SlowLedger()) if waits_for == "ledger" else Desk(FakeLedger(error=AWAY), FakeSpool(gate=asyncio.Event()))
    opening = asyncio.create_task(desk.open(plan("a")))
    await let_all_run()
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    desk.ledger.error = None
    if desk.spool.gate is not None:
        desk.spool.gate.set()
    await desk.backlog.flush(Deadline(math.inf))
    (settlement,) = desk.ledger.settlements
    assert (settlement.attempts, settlement.spend_id is not None) == ((), True)


async def test_a_dead_ledger_is_not_asked_again_at_once() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    for _ in range(5):
        await desk.open(plan("a", "free"))
    desk.ledger.error = None
    await desk.open(plan("a", "free"))
    assert (desk.ledger.spends, len(desk.spool.kept)) == ([], 6)


async def test_a_request_whose_own_time_runs_out_says_nothing_against_the_ledger_and_gives_the_spend_back() -> None:
    desk = Desk(FakeLedger(error=DeadlineExceeded("deadline_exceeded", "late")))
    for _ in range(5):
        with pytest.raises(DeadlineExceeded):
            await desk.open(plan("a", "free"), left_s=0.2)
    assert (len(desk.backlog), desk.backlog.is_failing, desk.spool.kept) == (5, False, [])
    desk.ledger.error = None
    await desk.open(plan("a", "free"))
    assert len(desk.ledger.spends) == 1, "it is asked again"


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
