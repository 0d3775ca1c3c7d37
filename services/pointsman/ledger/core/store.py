"""What the engine asks of a store: transactions that share a commit, and reading beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pointsman.ledger.core.decision_pages import DecisionFilter, DecisionPage, Position
from pointsman.ledger.core.outcomes import OutcomeStats
from pointsman.ledger.core.ports import Books

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sums:
    """How much is booked since the store was made, and what is reserved now."""

    attempt_count: int
    total_cost_nanousd: int
    open_spend_count: int
    reserved_nanousd: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the books stood after the last commit."""

    row_count: int
    open_spend_count: int
    reserved_nanousd: int
    outcome_version: int


@dataclass(frozen=True, slots=True)
class OpenSpend:
    """A spend that nobody has closed, and when it expires, nanoseconds since 1970."""

    spend_id: str
    expire_time_ns: int


class Store(Protocol):
    """Where the books are kept. Every method raises ServiceError "dependency_down" where the store does not work."""

    @property
    def is_failing(self) -> bool:
        """Whether the last write found the store not working."""

    @property
    def outcome_version(self) -> int:
        """Version of the sums of outcomes after the last commit."""

    async def write(self, work: Callable[[Books], T]) -> T:
        """Run the work in a transaction; its result, once that is on the disk.

        What the work raises is raised here, and then nothing of it is kept. Raises ServiceError "overloaded"
        where too many wait.
        """

    async def find_decisions(self, conditions: DecisionFilter, after: Position, limit: int) -> DecisionPage:
        """Up to `limit` decisions older than that place, newest first; fewer where they are large."""

    async def read_sums(self) -> Sums:
        """How much is booked and reserved."""

    async def read_open_spends(self) -> list[OpenSpend]:
        """The spends that nobody has closed."""

    async def read_outcomes(self, *, after_version: int) -> OutcomeStats:
        """The sums of outcomes that have changed since that version, and the version that they are of now."""
