"""Opening, settling and expiring spends; each runs within one transaction of the books, and twice is as once."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.ledger.core.entries import attempt_entry, operator_cost_nanousd, reversal_entries, worst_case_entries
from pointsman.ledger.core.money import checked_sum
from pointsman.ledger.core.outcomes import note_answer
from pointsman.ledger.core.ports import Books
from pointsman.ledger.core.spend import Spend, SpendState
from pointsman.ledger.core.values import Settlement


class SpendClosed(Exception):
    """A spend was settled before it was opened: its caller gave it up, and nothing may be spent under its name."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What was admitted, and what is reserved for it."""

    admitted_attempt_count: int
    reserved_nanousd: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What the settlement's attempts cost the operator, and whether it came after the spend had expired."""

    total_cost_nanousd: int
    corrected: bool


def open_spend(books: Books, spend: Spend) -> Opened:
    """Reserve the worst case of all planned attempts.

    A spend of that name answers as it did when it was opened. Raises SpendClosed, and AmountOverflow where
    all that is spent and reserved would no longer be an amount.
    """
    known = books.find_spend(spend.spend_id)
    if known is None:
        commitment = books.commitment
        checked_sum((commitment.spent_nanousd, commitment.reserved_nanousd, spend.reserved_nanousd))
        books.put_spend(spend, before=None)
        known = spend
    if not known.planned_attempts:
        raise SpendClosed(f"spend {spend.spend_id}: settled before it was opened")
    return Opened(len(known.planned_attempts), known.worst_case_nanousd)


def settle_spend(books: Books, settlement: Settlement, *, book_time_ns: int) -> Settled:
    """Book the attempts that are not booked yet, and close the spend.

    What was booked before keeps its first cost. A spend that is not known is kept as settled, so that an
    opening which is still on its way reserves nothing. Raises AmountOverflow; then nothing is booked.
    """
    booked = books.operator_costs([attempt.attempt_id for attempt in settlement.attempts])
    # Reversed, so that of two with one name the first stays.
    new = {attempt.attempt_id: attempt for attempt in reversed(settlement.attempts) if attempt.attempt_id not in booked}
    spend = _closed_spend(books, settlement, book_time_ns)
    commitment = books.commitment
    costs = [operator_cost_nanousd(attempt.billed_to, attempt.cost_nanousd) for attempt in new.values()]
    checked_sum((commitment.spent_nanousd, commitment.reserved_nanousd, *costs))
    for attempt in reversed(new.values()):
        books.append(attempt_entry(settlement, attempt, book_time_ns))
    note_answer(books, settlement)
    total = checked_sum((*booked.values(), *costs))
    return Settled(total, corrected=spend is not None and spend.state is SpendState.CORRECTED)


def expire_spends(books: Books, spend_ids: Sequence[str], *, book_time_ns: int) -> int:
    """Book those of the spends that are still open at their worst case; how many they were."""
    count = 0
    for spend_id in spend_ids:
        spend = books.find_spend(spend_id)
        if spend is None or spend.state is not SpendState.OPEN:
            continue
        books.put_spend(spend.expired(), before=spend)
        for entry in worst_case_entries(spend, book_time_ns):
            books.append(entry)
        count += 1
    return count


def _closed_spend(books: Books, settlement: Settlement, book_time_ns: int) -> Spend | None:
    """The settlement's spend after it; None where nothing was reserved."""
    if settlement.spend_id is None:
        return None
    known = books.find_spend(settlement.spend_id)
    if known is None:
        unopened = Spend(
            settlement.spend_id, settlement.request_id, settlement.account, (), book_time_ns, book_time_ns, state=SpendState.SETTLED
        )
        books.put_spend(unopened, before=None)
        return unopened
    closed = known.settled()
    if closed is not known:
        books.put_spend(closed, before=known)
    if known.state is SpendState.EXPIRED:
        for entry in reversal_entries(known, book_time_ns):
            books.append(entry)
    return closed
