"""The rows of the books: one for each attempt, and those that book a worst case and take it back.

Rows are only ever added. The sum of their costs is what the operator owes, so a correction is a row
with a negative cost, and nothing that was once true is lost.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter
from typing import cast

from pointsman.ledger.core.spend import Spend
from pointsman.ledger.core.values import Attempt, AttemptOutcome, BilledTo, Settlement, TokenUsage

FieldValues = tuple[str | int | None, ...]

NO_USAGE = TokenUsage(0, 0)


class EntryKind(StrEnum):
    """What a row is."""

    ATTEMPT = "attempt"
    WORST_CASE = "worst_case"  # a planned attempt of a spend that expired
    REVERSAL = "reversal"  # takes a worst case back


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, flat as it is stored and hashed; the order of the fields is part of the hash."""

    kind: EntryKind
    attempt_id: str  # unique; of a worst case "<spend_id>/<number>", of a reversal that and "/reversed"
    number: int
    request_id: str
    spend_id: str | None
    project_id: str
    key_id: str | None
    category: str | None
    decision_id: str | None
    catalog_epoch: str
    catalog_number: int
    model_id: str
    provider_id: str
    outcome: AttemptOutcome | None  # None: not an attempt
    failure_reason: str | None
    provider_status_code: int | None
    input_token_count: int
    cached_input_token_count: int
    cache_write_token_count: int
    output_token_count: int
    reasoning_token_count: int
    is_estimated: int  # 0 or 1
    has_usage: int  # 0 or 1; 0: the provider did no work that it bills
    start_time_ns: int
    latency_ns: int
    time_to_first_token_ns: int | None
    billed_to: BilledTo
    cost_nanousd: int | None  # None: the price is not known; negative in a reversal alone
    book_time_ns: int

    @property
    def operator_cost_nanousd(self) -> int:
        """What it adds to the operator's sum."""
        return operator_cost_nanousd(self.billed_to, self.cost_nanousd)


ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
_values_of = attrgetter(*ENTRY_FIELDS)


def values_of(entry: Entry) -> FieldValues:
    """The entry's values in the order of ENTRY_FIELDS."""
    return cast(FieldValues, _values_of(entry))


def operator_cost_nanousd(billed_to: BilledTo, cost_nanousd: int | None) -> int:
    """The part of a cost that the operator pays; an unknown price adds nothing."""
    return (cost_nanousd or 0) if billed_to is BilledTo.OPERATOR else 0


def attempt_entry(settlement: Settlement, attempt: Attempt, book_time_ns: int) -> Entry:
    """The row of an attempt."""
    usage = attempt.usage or NO_USAGE
    return Entry(
        kind=EntryKind.ATTEMPT,
        attempt_id=attempt.attempt_id,
        number=attempt.number,
        request_id=settlement.request_id,
        spend_id=settlement.spend_id,
        project_id=settlement.account.project_id,
        key_id=settlement.account.key_id,
        category=settlement.category,
        decision_id=settlement.decision_id,
        catalog_epoch=settlement.catalog_version.epoch,
        catalog_number=settlement.catalog_version.number,
        model_id=attempt.model_id,
        provider_id=attempt.provider_id,
        outcome=attempt.outcome,
        failure_reason=attempt.failure_reason,
        provider_status_code=attempt.provider_status_code,
        input_token_count=usage.input_token_count,
        cached_input_token_count=usage.cached_input_token_count,
        cache_write_token_count=usage.cache_write_token_count,
        output_token_count=usage.output_token_count,
        reasoning_token_count=usage.reasoning_token_count,
        is_estimated=int(usage.estimated),
        has_usage=int(attempt.usage is not None),
        start_time_ns=attempt.start_time_ns,
        latency_ns=attempt.latency_ns,
        time_to_first_token_ns=attempt.time_to_first_token_ns,
        billed_to=attempt.billed_to,
        cost_nanousd=attempt.cost_nanousd,
        book_time_ns=book_time_ns,
    )


def worst_case_entries(spend: Spend, book_time_ns: int) -> list[Entry]:
    """The rows that book all of a spend's planned attempts at their worst case."""
    return [_planned_entry(spend, number, EntryKind.WORST_CASE, book_time_ns) for number in range(1, len(spend.planned_attempts) + 1)]


def reversal_entries(spend: Spend, book_time_ns: int) -> list[Entry]:
    """The rows that take those back."""
    return [_planned_entry(spend, number, EntryKind.REVERSAL, book_time_ns) for number in range(1, len(spend.planned_attempts) + 1)]


def _planned_entry(spend: Spend, number: int, kind: EntryKind, book_time_ns: int) -> Entry:
    planned = spend.planned_attempts[number - 1]
    is_reversal = kind is EntryKind.REVERSAL
    return Entry(
        kind=kind,
        attempt_id=f"{spend.spend_id}/{number}" + ("/reversed" if is_reversal else ""),
        number=number,
        request_id=spend.request_id,
        spend_id=spend.spend_id,
        project_id=spend.account.project_id,
        key_id=spend.account.key_id,
        category=None,
        decision_id=None,
        catalog_epoch="",
        catalog_number=0,
        model_id=planned.model_id,
        provider_id=planned.provider_id,
        outcome=None,
        failure_reason=None,
        provider_status_code=None,
        input_token_count=0,
        cached_input_token_count=0,
        cache_write_token_count=0,
        output_token_count=0,
        reasoning_token_count=0,
        is_estimated=1,
        has_usage=0,
        start_time_ns=spend.open_time_ns,
        latency_ns=0,
        time_to_first_token_ns=None,
        billed_to=BilledTo.OPERATOR,
        cost_nanousd=-planned.worst_case_nanousd if is_reversal else planned.worst_case_nanousd,
        book_time_ns=book_time_ns,
    )
