"""Settlements: at once where the ledger answers, else later and in order, never lost without a word."""

import asyncio

import pytest

from pointsman.gateway.engine import settling as settling_module
from pointsman.gateway.engine.settling import Settling
from pointsman.gateway.ports import Account, Settlement
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import NotFound, Unavailable
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeLedger, let_all_run
from tests.unit.gateway.core.samples import VERSION

AWAY = Unavailable("dependency_down", "away")


def settlement(number: int = 1) -> Settlement:
    return Settlement(f"req_{number}", Account(), (), VERSION, f"spd_{number}")


def settling(ledger: FakeLedger) -> Settling:
    return Settling(ledger=ledger, budget_s=0.3, log=get_logger("gateway"))


async def run_until_booked(desk: Settling) -> None:
    running = asyncio.create_task(desk.run())
    await let_all_run()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_is_booked_at_once_where_the_ledger_answers() -> None:
    ledger = FakeLedger()
    desk = settling(ledger)
    assert await desk.settle(settlement())
    assert (ledger.settlements, desk.waiting_count) == ([settlement()], 0)


async def test_it_is_booked_later_and_in_order_where_the_ledger_was_away() -> None:
    ledger = FakeLedger(error=AWAY)
    desk = settling(ledger)
    assert not await desk.settle(settlement(1))
    ledger.error = None
    assert not await desk.settle(settlement(2)), "what waits goes first"
    await run_until_booked(desk)
    assert ledger.settlements == [settlement(1), settlement(2)]


async def test_what_waits_is_booked_before_the_end() -> None:
    ledger = FakeLedger()
    desk = settling(ledger)
    desk.defer(settlement(1))
    desk.defer(settlement(2))
    await desk.flush(Deadline.after(5))
    assert [booked.request_id for booked in ledger.settlements] == ["req_1", "req_2"]


async def test_at_the_end_a_ledger_that_is_away_is_not_waited_for() -> None:
    desk = settling(FakeLedger(error=AWAY))
    desk.defer(settlement())
    await desk.flush(Deadline.after(5))
    assert desk.waiting_count == 1


async def test_what_the_ledger_refuses_as_such_does_not_block_the_rest() -> None:
    desk = settling(FakeLedger(error=NotFound("not_found", "no such spend")))
    desk.defer(settlement())
    await run_until_booked(desk)
    assert desk.waiting_count == 0


async def test_what_the_ledger_crashes_at_waits_behind_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling_module, "FIRST_PAUSE_S", 0.0)
    ledger = FakeLedger(crashes_at="req_1")
    desk = settling(ledger)
    desk.defer(settlement(1))
    desk.defer(settlement(2))
    await run_until_booked(desk)
    assert (ledger.settlements, desk.waiting_count) == ([settlement(2)], 1)


async def test_a_full_queue_drops_the_new_one_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling_module, "MAX_WAITING", 1)
    desk = settling(FakeLedger(error=AWAY))
    desk.defer(settlement(1))
    desk.defer(settlement(2))
    assert (desk.waiting_count, desk.dropped_count) == (1, 1)
