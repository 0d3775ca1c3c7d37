"""What the ledger is to hear of later: on the disk, in order, once, and never without a word lost."""

import asyncio
import math

import pytest

from pointsman.gateway.engine import backlog as backlog_module
from pointsman.gateway.engine.backlog import LEAST_TIME_TO_LIVE_S, Backlog
from pointsman.gateway.ports import Account, OpenedSpend, PlannedAttempt, Settlement, Spend
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Conflict, InvalidArgument, NotFound, Unavailable
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeLedger, FakeSpool, let_all_run
from tests.unit.gateway.engine.test_settling import settlement

AWAY = Unavailable("dependency_down", "away")
DISK_FULL = Unavailable("dependency_down", "No space left on device")
FOREVER = Deadline(math.inf)
NOW_S = 1_700_000_000.0


def spend(number: int = 1, time_to_live_s: float = 125.0) -> Spend:
    return Spend(f"spd_{number}", f"req_{number}", Account(), (PlannedAttempt("small", "openai", 1_000),), time_to_live_s)


class Desk:
    """A backlog over fakes, at a wall clock that the test moves."""

    def __init__(self, *leftover: OpenedSpend, ledger: FakeLedger | None = None, spool: FakeSpool | None = None) -> None:
        self.now_s = NOW_S
        self.ledger = ledger or FakeLedger(error=AWAY)
        self.spool = spool or FakeSpool(kept=[*leftover])
        self.backlog = Backlog(
            ledger=self.ledger, spool=self.spool, leftover=leftover, log=get_logger("gateway"), time_s=lambda: self.now_s
        )

    async def run(self) -> None:
        """Until nothing happens any more."""
        running = [asyncio.create_task(self.backlog.run()), asyncio.create_task(self.backlog.save())]
        await let_all_run()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "SAVE_DELAY_S", 0.0)
    monkeypatch.setattr(backlog_module, "FIRST_PAUSE_S", 0.0)


async def test_a_spend_is_on_the_disk_before_it_is_used() -> None:
    desk = Desk(spool=FakeSpool(gate=asyncio.Event()))
    opening = asyncio.create_task(desk.backlog.open(spend()))
    await let_all_run()
    assert not opening.done()
    assert desk.spool.gate is not None
    desk.spool.gate.set()
    await opening
    assert (desk.spool.kept, desk.backlog.is_failing) == ([OpenedSpend(spend(), NOW_S)], True)


async def test_a_settlement_that_cannot_be_booked_comes_on_the_disk_too() -> None:
    desk = Desk()
    await desk.backlog.open(spend())
    desk.backlog.defer(settlement())
    await desk.run()
    assert desk.spool.kept == [OpenedSpend(spend(), NOW_S), settlement()]


async def test_what_the_ledger_takes_at_once_spares_the_disk() -> None:
    desk = Desk(ledger=FakeLedger())
    desk.backlog.defer(settlement())
    await desk.run()
    assert (desk.ledger.settlements, desk.spool.kept) == ([settlement()], [])


async def test_all_is_booked_in_order_once_the_ledger_is_back_and_the_disk_freed() -> None:
    desk = Desk()
    for number in (1, 2):
        await desk.backlog.open(spend(number))
        desk.backlog.defer(settlement(number))
    await desk.run()
    assert len(desk.spool.kept) == 4
    desk.ledger.error = None
    await desk.run()
    assert [opened.spend_id for opened in desk.ledger.spends] == ["spd_1", "spd_2"]
    assert desk.ledger.settlements == [settlement(1), settlement(2)]
    assert (len(desk.backlog), desk.spool.kept, desk.backlog.is_failing) == (0, [], False)


@pytest.mark.parametrize(
    ("later_s", "left_s"),
    [(0.0, 125.0), (25.0, 100.0), (3_600.0, LEAST_TIME_TO_LIVE_S), (-7_200.0, 125.0)],
    ids=["at once", "later", "long after", "clock set back"],
)
async def test_a_spend_left_behind_is_reserved_for_what_is_left_of_its_time(later_s: float, left_s: float) -> None:
    desk = Desk(OpenedSpend(spend(), NOW_S), ledger=FakeLedger())
    desk.now_s += later_s
    await desk.run()
    assert [opened.time_to_live_s for opened in desk.ledger.spends] == [left_s]
    assert desk.spool.kept == []


async def test_a_full_spool_takes_no_spend_but_settlements_of_those_that_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "MAX_WAITING", 2)
    monkeypatch.setattr(backlog_module, "MAX_WAITING_SETTLEMENTS", 4)
    desk = Desk()
    await desk.backlog.open(spend(1))
    await desk.backlog.open(spend(2))
    with pytest.raises(Unavailable, match="full"):
        await desk.backlog.open(spend(3))
    desk.backlog.defer(settlement(9, spend_id=None))
    desk.backlog.defer(settlement(1))
    desk.backlog.defer(settlement(2))
    desk.backlog.defer(settlement(3))
    assert (len(desk.backlog), desk.backlog.dropped_count) == (4, 2)


async def test_a_full_disk_takes_no_spend_and_does_so_again_when_there_is_room() -> None:
    desk = Desk(spool=FakeSpool(error=DISK_FULL))
    with pytest.raises(Unavailable, match="space"):
        await desk.backlog.open(spend())
    assert (len(desk.backlog), desk.backlog.is_spool_failing) == (0, True)
    desk.spool.error = None
    await desk.backlog.open(spend())
    assert (len(desk.backlog), desk.backlog.is_spool_failing) == (1, False)


async def test_settlements_that_find_no_room_on_the_disk_are_kept_in_memory() -> None:
    desk = Desk(spool=FakeSpool(error=DISK_FULL))
    desk.backlog.defer(settlement())
    await desk.run()
    desk.spool.error = desk.ledger.error = None
    await desk.run()
    assert desk.ledger.settlements == [settlement()]


async def test_at_the_end_what_cannot_be_booked_is_on_the_disk() -> None:
    desk = Desk()
    desk.backlog.defer(settlement())
    await desk.backlog.flush(FOREVER)
    assert desk.spool.kept == [settlement()]


async def test_at_the_end_all_is_on_the_disk_before_the_ledger_is_waited_for() -> None:
    class SlowLedger(FakeLedger):
        async def settle_spend(self, settlement: Settlement, *, deadline: Deadline) -> None:
            await asyncio.Event().wait()

    desk = Desk(ledger=SlowLedger())
    desk.backlog.defer(settlement(1))
    desk.backlog.defer(settlement(2))
    flushing = asyncio.create_task(desk.backlog.flush(FOREVER))
    await let_all_run()
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    assert desk.spool.kept == [settlement(1), settlement(2)]


async def test_a_spend_that_was_settled_meanwhile_is_not_opened_any_more() -> None:
    desk = Desk(OpenedSpend(spend(), NOW_S), ledger=FakeLedger(error=Conflict("spend_closed", "settled")))
    await desk.run()
    assert (len(desk.backlog), desk.spool.kept) == (0, [])


@pytest.mark.parametrize("error", [NotFound("not_found", "odd"), InvalidArgument("invalid_value", "odd")], ids=["not found", "invalid"])
async def test_what_the_ledger_refuses_as_such_does_not_block_the_rest(error: Exception) -> None:
    desk = Desk(ledger=FakeLedger(error=error))  # type: ignore[arg-type]  # a ServiceError
    desk.backlog.defer(settlement())
    await desk.run()
    assert len(desk.backlog) == 0


async def test_what_the_ledger_crashes_at_waits_behind_the_rest() -> None:
    desk = Desk(ledger=FakeLedger(crashes_at="req_1"))
    desk.backlog.defer(settlement(1))
    desk.backlog.defer(settlement(2))
    await desk.run()
    assert (desk.ledger.settlements, len(desk.backlog)) == ([settlement(2)], 1)


async def test_records_of_what_is_booked_do_not_pile_up_behind_one_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "MAX_RECORDS", 3)
    desk = Desk()
    for number in (1, 2, 3):
        desk.backlog.defer(settlement(number))
    await desk.run()
    assert len(desk.spool.kept) == 3
    desk.ledger.error, desk.ledger.crashes_at = None, "req_2"
    await desk.run()
    assert (settlement(1) in desk.spool.kept, desk.ledger.settlements) == (False, [settlement(1), settlement(3)])
    assert not desk.backlog.is_failing, "one entry says nothing of the ledger"


async def test_a_spend_on_its_way_to_the_disk_is_not_dropped_with_what_is_booked() -> None:
    desk = Desk(OpenedSpend(spend(1), NOW_S), ledger=FakeLedger(), spool=FakeSpool(gate=asyncio.Event()))
    opening = asyncio.create_task(desk.backlog.open(spend(2)))
    await let_all_run()
    await desk.run()
    assert len(desk.ledger.spends) == 1
    assert desk.spool.gate is not None
    desk.spool.gate.set()
    await opening
    assert OpenedSpend(spend(2), NOW_S) in desk.spool.kept
