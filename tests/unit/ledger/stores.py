"""A store in memory that fails when it is told to, and clocks that stand still until they are moved."""

from collections.abc import Callable
from typing import TypeVar

from pointsman.kit.errors import Unavailable
from pointsman.ledger.adapters.sqlite_outcomes import outcomes_since
from pointsman.ledger.core.decision_pages import DecisionFilter, DecisionPage, Position
from pointsman.ledger.core.outcomes import OutcomeStats
from pointsman.ledger.core.ports import Books
from pointsman.ledger.core.spend import SpendState
from pointsman.ledger.core.store import OpenSpend, Sums
from tests.unit.ledger.books import TIME_NS, MemoryBooks

T = TypeVar("T")


class MemoryStore:
    """Implements the Store port but for rolling back."""

    def __init__(self) -> None:
        self.books = MemoryBooks()
        self.is_failing = False
        self.write_count = 0

    async def write(self, work: Callable[[Books], T]) -> T:
        if self.is_failing:
            raise Unavailable("dependency_down", "the store is told to fail")
        self.write_count += 1
        return work(self.books)

    @property
    def outcome_version(self) -> int:
        return self.books.outcomes.version

    async def read_outcomes(self, *, after_version: int) -> OutcomeStats:
        return outcomes_since(self.books.connection, after_version)

    async def find_decisions(self, conditions: DecisionFilter, after: Position, limit: int) -> DecisionPage:
        placed = [(Position(decision.create_time_ns, number), decision) for number, decision in enumerate(self.books.decisions.values())]
        older = sorted(((position, decision) for position, decision in placed if position < after), key=lambda one: one[0], reverse=True)
        page = older[:limit]
        return DecisionPage(tuple(decision for _, decision in page), page[-1][0] if len(older) > limit else None)

    async def read_sums(self) -> Sums:
        commitment = self.books.commitment
        open_count = len(await self.read_open_spends())
        return Sums(len(self.books.entries), commitment.spent_nanousd, open_count, commitment.reserved_nanousd)

    async def read_open_spends(self) -> list[OpenSpend]:
        spends = self.books.spends.values()
        return [OpenSpend(spend.spend_id, spend.expire_time_ns) for spend in spends if spend.state is SpendState.OPEN]


class StillClock:
    """Monotonic and wall clock, moved by hand and apart."""

    def __init__(self) -> None:
        self.monotonic_s = 1_000.0
        self.wall_ns = TIME_NS

    def now_s(self) -> float:
        return self.monotonic_s

    def now_ns(self) -> int:
        return self.wall_ns

    def advance(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_ns += round(seconds * 1e9)
