"""What the books are to those who book; one transaction's view of the store.

The store around the transactions is in `store.py`, reports over what is booked are in `usage_report.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pointsman.ledger.core.entries import Entry
from pointsman.ledger.core.outcomes import FeedbackBook, OutcomeBook
from pointsman.ledger.core.spend import Spend
from pointsman.ledger.core.values import Decision


@dataclass(frozen=True, slots=True)
class Commitment:
    """What the operator has spent, and what is reserved beside it."""

    spent_nanousd: int
    reserved_nanousd: int


class Books(Protocol):
    """The books within one transaction: every change is seen by what follows in it, and all are kept or none."""

    @property
    def commitment(self) -> Commitment:
        """Spent and reserved now."""

    @property
    def outcomes(self) -> OutcomeBook:
        """Answers, and how well models did."""

    @property
    def feedback(self) -> FeedbackBook:
        """What was thought of answers."""

    def find_spend(self, spend_id: str) -> Spend | None:
        """The spend of that name; None where there is none."""

    def put_spend(self, spend: Spend, *, before: Spend | None) -> None:
        """Keep a spend in its new state. before: as find_spend gave it."""

    def operator_costs(self, attempt_ids: Collection[str]) -> Mapping[str, int]:
        """Operator's cost of each of these rows that is booked."""

    def append(self, entry: Entry) -> None:
        """Book a row. Its attempt_id is not booked yet."""

    def keep_decisions(self, decisions: Sequence[Decision]) -> None:
        """Keep decisions; those whose name is kept already are left as they are."""
