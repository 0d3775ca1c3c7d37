"""The life of a spend: open → settled, or open → expired → corrected.

    open ──settle──> settled      what was used is booked, what was reserved is free
    open ──expire──> expired      nobody settled in time: the worst case is booked
    expired ──settle──> corrected the worst case is taken back, what was used is booked

A closed spend stays closed: settling it again may add attempts that were not booked, never free
or book a reservation a second time.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from pointsman.ledger.core.money import checked_sum
from pointsman.ledger.core.values import Account


class SpendState(StrEnum):
    """Where a spend stands."""

    OPEN = "open"
    SETTLED = "settled"
    EXPIRED = "expired"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class PlannedAttempt:
    """A call that may be made, and the most that it can cost."""

    model_id: str
    provider_id: str
    worst_case_nanousd: int


@dataclass(frozen=True, slots=True)
class Spend:
    """A reservation for the calls of one request. Without planned attempts it was settled before it was opened."""

    spend_id: str
    request_id: str
    account: Account
    planned_attempts: tuple[PlannedAttempt, ...]
    open_time_ns: int
    expire_time_ns: int
    state: SpendState = SpendState.OPEN

    @property
    def worst_case_nanousd(self) -> int:
        """What all planned attempts cost at most. Raises AmountOverflow, ValueError."""
        return checked_sum(planned.worst_case_nanousd for planned in self.planned_attempts)

    @property
    def is_open(self) -> bool:
        """Whether it holds something back."""
        return self.state is SpendState.OPEN

    @property
    def reserved_nanousd(self) -> int:
        """What is held back for it now."""
        return self.worst_case_nanousd if self.is_open else 0

    def settled(self) -> "Spend":
        """The spend after a settlement."""
        match self.state:
            case SpendState.OPEN:
                return replace(self, state=SpendState.SETTLED)
            case SpendState.EXPIRED:
                return replace(self, state=SpendState.CORRECTED)
            case SpendState.SETTLED | SpendState.CORRECTED:
                return self

    def expired(self) -> "Spend":
        """The spend after its time to live."""
        return replace(self, state=SpendState.EXPIRED) if self.state is SpendState.OPEN else self
