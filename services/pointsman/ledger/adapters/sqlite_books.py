"""The books on the writing connection."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pointsman.ledger.adapters.sqlite_outcomes import SqliteFeedback, SqliteOutcomes
from pointsman.ledger.core.chain import Head
from pointsman.ledger.core.entries import ENTRY_FIELDS, Entry, values_of
from pointsman.ledger.core.ports import Commitment
from pointsman.ledger.core.spend import PlannedAttempt, Spend, SpendState
from pointsman.ledger.core.store import Standing
from pointsman.ledger.core.values import Account, Decision

FIND_HEAD = "SELECT sequence, hash, total_cost_nanousd FROM entries ORDER BY sequence DESC LIMIT 1"
SUM_RESERVED = """
SELECT coalesce(sum(planned_attempts.worst_case_nanousd), 0)
FROM spends JOIN planned_attempts USING (spend_id) WHERE spends.state = 'open'
"""
COUNT_OPEN_SPENDS = "SELECT count(*) FROM spends WHERE state = 'open'"
FIND_SPEND = "SELECT request_id, project_id, key_id, open_time_ns, expire_time_ns, state FROM spends WHERE spend_id = ?"
FIND_PLANNED = "SELECT model_id, provider_id, worst_case_nanousd FROM planned_attempts WHERE spend_id = ? ORDER BY number"
ADD_SPEND = (
    "INSERT INTO spends (spend_id, request_id, project_id, key_id, state, open_time_ns, expire_time_ns) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
ADD_PLANNED = "INSERT INTO planned_attempts (spend_id, number, model_id, provider_id, worst_case_nanousd) VALUES (?, ?, ?, ?, ?)"
CHANGE_SPEND = "UPDATE spends SET state = ? WHERE spend_id = ?"
FIND_COST = "SELECT CASE billed_to WHEN 'operator' THEN coalesce(cost_nanousd, 0) ELSE 0 END FROM entries WHERE attempt_id = ?"
ENTRY_COLUMNS = ("sequence", *ENTRY_FIELDS, "total_cost_nanousd", "hash")
ADD_ENTRY = f"INSERT INTO entries ({', '.join(ENTRY_COLUMNS)}) VALUES ({', '.join('?' * len(ENTRY_COLUMNS))})"  # noqa: S608  # names of columns alone
ADD_DECISION = """
INSERT INTO decisions (
  decision_id, request_id, create_time_ns, project_id, key_id, category, difficulty, policy, cause, model_id,
  catalog_epoch, catalog_number, degraded, prompt_hash, detail
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (decision_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the books hold in memory at one moment, to go back to."""

    head: Head
    open_spend_count: int
    reserved_nanousd: int
    outcome_version: int


class SqliteBooks:
    """Implements the Books port within the connection's transaction, which it neither begins nor ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read where the books stand."""
        self._connection = connection
        self.outcomes = SqliteOutcomes(connection)
        self.feedback = SqliteFeedback(connection)
        row = connection.execute(FIND_HEAD).fetchone()
        self._head = Head() if row is None else Head(*row)
        (self._reserved_nanousd,) = connection.execute(SUM_RESERVED).fetchone()
        (self._open_spend_count,) = connection.execute(COUNT_OPEN_SPENDS).fetchone()

    @property
    def commitment(self) -> Commitment:
        """Spent and reserved now."""
        return Commitment(self._head.total_cost_nanousd, self._reserved_nanousd)

    @property
    def standing(self) -> Standing:
        """Where the books stand, in figures."""
        return Standing(self._head.sequence, self._open_spend_count, self._reserved_nanousd, self.outcomes.version)

    def find_spend(self, spend_id: str) -> Spend | None:
        """The spend of that name; None where there is none."""
        row = self._connection.execute(FIND_SPEND, (spend_id,)).fetchone()
        if row is None:
            return None
        request_id, project_id, key_id, open_time_ns, expire_time_ns, state = row
        planned = tuple(PlannedAttempt(*values) for values in self._connection.execute(FIND_PLANNED, (spend_id,)))
        return Spend(spend_id, request_id, Account(project_id, key_id), planned, open_time_ns, expire_time_ns, SpendState(state))

    def put_spend(self, spend: Spend, *, before: Spend | None) -> None:
        """Keep a spend in its new state."""
        if before is None:
            account = spend.account
            times = (spend.open_time_ns, spend.expire_time_ns)
            self._connection.execute(ADD_SPEND, (spend.spend_id, spend.request_id, account.project_id, account.key_id, spend.state, *times))
            for number, planned in enumerate(spend.planned_attempts, start=1):
                values = (planned.model_id, planned.provider_id, planned.worst_case_nanousd)
                self._connection.execute(ADD_PLANNED, (spend.spend_id, number, *values))
        else:
            self._connection.execute(CHANGE_SPEND, (spend.state, spend.spend_id))
        self._reserved_nanousd += spend.reserved_nanousd - (0 if before is None else before.reserved_nanousd)
        self._open_spend_count += int(spend.is_open) - (0 if before is None else int(before.is_open))

    def operator_costs(self, attempt_ids: Collection[str]) -> Mapping[str, int]:
        """Operator's cost of each of these rows that is booked."""
        found = ((attempt_id, self._connection.execute(FIND_COST, (attempt_id,)).fetchone()) for attempt_id in attempt_ids)
        return {attempt_id: row[0] for attempt_id, row in found if row is not None}

    def append(self, entry: Entry) -> None:
        """Book a row at the end of the chain."""
        values = values_of(entry)
        head = self._head.next(values, entry.operator_cost_nanousd)
        self._connection.execute(ADD_ENTRY, (head.sequence, *values, head.total_cost_nanousd, head.hash))
        self._head = head

    def keep_decisions(self, decisions: Sequence[Decision]) -> None:
        """Keep decisions; those whose name is kept already are left as they are."""
        self._connection.executemany(ADD_DECISION, map(_decision_row, decisions))

    def mark(self) -> Mark:
        """Where the books stand in memory."""
        return Mark(self._head, self._open_spend_count, self._reserved_nanousd, self.outcomes.version)

    def go_back_to(self, mark: Mark) -> None:
        """Forget in memory what the connection has rolled back."""
        self._head = mark.head
        self._open_spend_count = mark.open_spend_count
        self._reserved_nanousd = mark.reserved_nanousd
        self.outcomes.version = mark.outcome_version


def _decision_row(decision: Decision) -> tuple[object, ...]:
    account, version = decision.account, decision.catalog_version
    return (
        *(decision.decision_id, decision.request_id, decision.create_time_ns, account.project_id, account.key_id),
        *(decision.category, decision.difficulty, decision.policy, decision.cause, decision.model_id),
        *(version.epoch, version.number, json.dumps(decision.degraded), decision.prompt_hash, decision.detail),
    )
