"""Settlements: at once where the ledger answers in time, else later, and nobody waits twice for a ledger that is away."""

import asyncio
import math

import pytest

from pointsman.gateway.engine.backlog import Backlog
from pointsman.gateway.engine.settling import Settling
from pointsman.gateway.ports import Account, Settlement
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import NotFound, Unavailable
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeLedger, FakeSpool
from tests.unit.gateway.core.samples import VERSION

AWAY = Unavailable("dependency_down", "away")
FOREVER = Deadline(math.inf)


def settlement(number: int = 1, spend_id: str | None = "spd_{}") -> Settlement:
    return Settlement(f"req_{number}", Account(), (), VERSION, None if spend_id is None else spend_id.format(number))


class Desk:
    """Settling over fakes."""

    def __init__(self, ledger: FakeLedger) -> None:
        self.ledger = ledger
        self.backlog = Backlog(ledger=ledger, spool=FakeSpool(), log=get_logger("gateway"))
        self.settling = Settling(ledger=ledger, backlog=self.backlog, budget_s=0.3)


async def test_it_is_booked_at_once_where_the_ledger_answers() -> None:
    desk = Desk(FakeLedger())
    assert await desk.settling.settle(settlement(), FOREVER)
    assert (desk.ledger.settlements, len(desk.backlog)) == ([settlement()], 0)


async def test_a_ledger_that_is_away_is_waited_for_once() -> None:
    desk = Desk(FakeLedger(error=AWAY))
    assert not await desk.settling.settle(settlement(1), FOREVER)
    desk.ledger.error = None
    assert not await desk.settling.settle(settlement(2), FOREVER), "what waits goes first"
    await desk.backlog.flush(FOREVER)
    assert desk.ledger.settlements == [settlement(1), settlement(2)]
    assert await desk.settling.settle(settlement(3), FOREVER), "it is back"


@pytest.mark.parametrize("deadline", [FOREVER, Deadline(0.0)], ids=["refused", "no time left"])
async def test_what_says_nothing_of_the_ledger_is_not_held_against_it(deadline: Deadline) -> None:
    desk = Desk(FakeLedger(error=NotFound("not_found", "no such spend") if deadline is FOREVER else AWAY))
    assert not await desk.settling.settle(settlement(1), deadline)
    assert not desk.backlog.is_failing


async def test_a_caller_who_leaves_meanwhile_is_settled_later() -> None:
    class SlowLedger(FakeLedger):
        async def settle_spend(self, settlement: Settlement, *, deadline: Deadline) -> None:
            await asyncio.Event().wait()

    desk = Desk(SlowLedger())
    settling = asyncio.create_task(desk.settling.settle(settlement(), FOREVER))
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    assert len(desk.backlog) == 1
