"""What the engine makes of the core's answers and refusals."""

import pytest
from prometheus_client import CollectorRegistry

from pointsman.kit.errors import Conflict, InvalidArgument, Unavailable
from pointsman.kit.logging import get_logger
from pointsman.ledger.core.booking import Opened, Settled, expire_spends
from pointsman.ledger.core.decision_pages import DecisionFilter
from pointsman.ledger.core.money import MAX_NANOUSD
from pointsman.ledger.core.spend import PlannedAttempt
from pointsman.ledger.engine.bookkeeping import Bookkeeping
from pointsman.ledger.engine.expiry_timer import ExpiryTimer
from pointsman.ledger.engine.metrics import LedgerMetrics
from tests.unit.ledger.books import ACCOUNT, TIME_NS, a_decision, a_settlement, an_attempt
from tests.unit.ledger.stores import MemoryStore, StillClock


class Ledger:
    """The engine over a store in memory."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), StillClock()
        self.registry = CollectorRegistry()
        metrics = LedgerMetrics(self.registry)
        self.timer = ExpiryTimer(self.store, metrics=metrics, log=get_logger("ledger"), now_s=self.clock.now_s, now_ns=self.clock.now_ns)
        self.bookkeeping = Bookkeeping(self.store, self.timer, metrics=metrics, now_ns=self.clock.now_ns)

    async def open(self, spend_id: str = "spd_1", worst_case_nanousd: int = 100) -> Opened:
        planned = [PlannedAttempt("model-0", "provider", worst_case_nanousd)]
        return await self.bookkeeping.open_spend(spend_id, "req_1", ACCOUNT, planned, time_to_live_s=60)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


async def test_spend_is_opened_with_its_time_to_live_and_settled(ledger: Ledger) -> None:
    assert await ledger.open() == Opened(1, 100)
    assert ledger.store.books.spends["spd_1"].expire_time_ns == TIME_NS + 60_000_000_000
    assert await ledger.bookkeeping.settle_spend(a_settlement("spd_1", an_attempt())) == Settled(10, corrected=False)
    assert ledger.store.books.entries[0].book_time_ns == TIME_NS


async def test_amounts_that_overflow_are_an_invalid_argument(ledger: Ledger) -> None:
    await ledger.open("spd_1", MAX_NANOUSD)
    with pytest.raises(InvalidArgument) as caught:
        await ledger.open("spd_2", 1)
    assert caught.value.reason == "invalid_value"


async def test_opening_after_its_settlement_is_a_conflict(ledger: Ledger) -> None:
    await ledger.bookkeeping.settle_spend(a_settlement("spd_1"))
    with pytest.raises(Conflict, match="spd_1"):
        await ledger.open()


async def test_store_that_fails_is_told_to_callers_and_in_the_status(ledger: Ledger) -> None:
    assert ledger.bookkeeping.degraded == []
    ledger.store.is_failing = True
    with pytest.raises(Unavailable):
        await ledger.open()
    assert ledger.bookkeeping.degraded == ["store_failed"]


async def test_decisions_are_paged_newest_first_by_token(ledger: Ledger) -> None:
    await ledger.bookkeeping.record_decisions([a_decision(f"dec_{number}", time_ns=TIME_NS + number) for number in range(5)])
    names: list[str] = []
    token, page_count = "", 0
    while token or not page_count:
        decisions, token = await ledger.bookkeeping.query_decisions(DecisionFilter(), page_size=2, token=token)
        names += [decision.decision_id for decision in decisions]
        page_count += 1
    assert (names, page_count) == (["dec_4", "dec_3", "dec_2", "dec_1", "dec_0"], 3)


async def test_token_that_is_none_is_refused_by_name(ledger: Ledger) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await ledger.bookkeeping.query_decisions(DecisionFilter(), page_size=2, token="nonsense")
    assert caught.value.param == "page_token"


async def test_settlements_are_counted_by_whether_they_came_in_time(ledger: Ledger) -> None:
    await ledger.open()
    expire_spends(ledger.store.books, ["spd_1"], book_time_ns=TIME_NS)
    for spend_id in ("spd_1", "spd_2"):
        await ledger.bookkeeping.settle_spend(a_settlement(spend_id))
    ledger.store.is_failing = True
    with pytest.raises(Unavailable):
        await ledger.bookkeeping.settle_spend(a_settlement("spd_3"))
    counted = {
        outcome: ledger.registry.get_sample_value("pointsman_ledger_settlements_total", {"outcome": outcome})
        for outcome in ("settled", "corrected")
    }
    assert counted == {"settled": 1, "corrected": 1}
