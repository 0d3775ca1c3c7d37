"""What is read beside the writer: decisions, sums, and the chain of rows."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pointsman.ledger.adapters.sqlite_books import ENTRY_COLUMNS
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, unavailable
from pointsman.ledger.adapters.sqlite_outcomes import outcomes_since
from pointsman.ledger.core.chain import StoredRow
from pointsman.ledger.core.decision_pages import DecisionFilter, DecisionPage, Position
from pointsman.ledger.core.entries import ENTRY_FIELDS, operator_cost_nanousd
from pointsman.ledger.core.outcomes import OutcomeStats
from pointsman.ledger.core.store import OpenSpend, Sums
from pointsman.ledger.core.values import Account, BilledTo, CatalogVersion, Decision

# A page ends after this much, so that it fits into one message of 8 MiB.
MAX_PAGE_BYTES = 4 << 20

SELECT_DECISIONS = """
SELECT sequence, decision_id, request_id, create_time_ns, project_id, key_id, category, difficulty, policy, cause, model_id,
  catalog_epoch, catalog_number, degraded, prompt_hash, detail
FROM decisions WHERE (create_time_ns, sequence) < (:create_time_ns, :sequence)
"""
NEWEST_FIRST = " ORDER BY create_time_ns DESC, sequence DESC LIMIT :limit"
OF_REQUEST = " AND request_id = :request_id"
OF_PROJECT = " AND project_id = :project_id"
# The unary plus keeps an index from being used where a better one serves.
ALSO_OF_REQUEST = " AND (:request_id IS NULL OR +request_id = :request_id)"
ALSO_OF_PROJECT = " AND (:project_id IS NULL OR +project_id = :project_id)"
BY_NAME = SELECT_DECISIONS + " AND decision_id = :decision_id" + ALSO_OF_REQUEST + ALSO_OF_PROJECT + NEWEST_FIRST
BY_REQUEST = SELECT_DECISIONS + OF_REQUEST + ALSO_OF_PROJECT + NEWEST_FIRST
BY_PROJECT = SELECT_DECISIONS + OF_PROJECT + NEWEST_FIRST
BY_TIME = SELECT_DECISIONS + NEWEST_FIRST

# Rows are numbered from 1 without gaps.
READ_SUMS = """
SELECT
  (SELECT coalesce(max(sequence), 0) FROM entries) - (SELECT count(*) FROM entries WHERE kind <> 'attempt'),
  coalesce((SELECT total_cost_nanousd FROM entries ORDER BY sequence DESC LIMIT 1), 0),
  (SELECT count(*) FROM spends WHERE state = 'open'),
  (SELECT coalesce(sum(worst_case_nanousd), 0) FROM spends JOIN planned_attempts USING (spend_id) WHERE state = 'open')
"""
READ_OPEN_SPENDS = "SELECT spend_id, expire_time_ns FROM spends WHERE state = 'open'"
READ_ENTRIES = f"SELECT {', '.join(ENTRY_COLUMNS)} FROM entries ORDER BY sequence"  # noqa: S608  # names of columns alone
BILLED_TO_INDEX = ENTRY_FIELDS.index("billed_to")
COST_INDEX = ENTRY_FIELDS.index("cost_nanousd")


class SqliteReader:
    """Reads through a connection that can not write. Its methods are called from one thread at a time; all raise Unavailable."""

    def __init__(self, path: Path) -> None:
        """Open the file, which the writer has made."""
        self._connection = connect_for_reading(path)

    def find_decisions(self, conditions: DecisionFilter, after: Position, limit: int) -> DecisionPage:
        """Up to `limit` decisions older than that place, newest first."""
        parameters: Mapping[str, object] = {
            "decision_id": conditions.decision_id,
            "request_id": conditions.request_id,
            "project_id": conditions.project_id,
            "create_time_ns": after.create_time_ns,
            "sequence": after.sequence,
            "limit": limit + 1,
        }
        try:
            # Closed at once, because an open cursor keeps the writer from emptying its log.
            with closing(self._connection.execute(statement_for(conditions), parameters)) as rows:
                return page_of(rows, limit)
        except sqlite3.Error as exc:
            raise unavailable(exc) from exc

    def read_sums(self) -> Sums:
        """How much is booked and reserved."""
        try:
            return Sums(*self._connection.execute(READ_SUMS).fetchone())
        except sqlite3.Error as exc:
            raise unavailable(exc) from exc

    def read_open_spends(self) -> list[OpenSpend]:
        """The spends that nobody has closed."""
        try:
            return [OpenSpend(*row) for row in self._connection.execute(READ_OPEN_SPENDS)]
        except sqlite3.Error as exc:
            raise unavailable(exc) from exc

    def read_outcomes(self, after_version: int) -> OutcomeStats:
        """The sums of outcomes that have changed since that version, and the version that they are of now."""
        try:
            return outcomes_since(self._connection, after_version)
        except sqlite3.Error as exc:
            raise unavailable(exc) from exc

    def read_rows(self) -> Iterator[StoredRow]:
        """All rows of the books in their order, as they are stored."""
        try:
            for sequence, *values, total_cost_nanousd, row_hash in self._connection.execute(READ_ENTRIES):
                operator_cost = operator_cost_nanousd(BilledTo(values[BILLED_TO_INDEX]), values[COST_INDEX])
                yield StoredRow(sequence, tuple(values), operator_cost, total_cost_nanousd, row_hash)
        except sqlite3.Error as exc:
            raise unavailable(exc) from exc

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def page_of(rows: Iterable[tuple[Any, ...]], limit: int) -> DecisionPage:
    """The first rows, as many as one page may hold. Any: STRICT tables hold the types of their columns."""
    decisions: list[Decision] = []
    position: Position | None = None
    byte_count = 0
    for sequence, *values in rows:
        if len(decisions) == limit or byte_count > MAX_PAGE_BYTES:
            return DecisionPage(tuple(decisions), position)
        decision = decision_of(values)
        decisions.append(decision)
        byte_count += len(decision.detail)
        position = Position(decision.create_time_ns, sequence)
    return DecisionPage(tuple(decisions), None)


def statement_for(conditions: DecisionFilter) -> str:
    """The statement that begins with the condition that leaves least."""
    if conditions.decision_id is not None:
        return BY_NAME
    if conditions.request_id is not None:
        return BY_REQUEST
    return BY_TIME if conditions.project_id is None else BY_PROJECT


def decision_of(values: list[Any]) -> Decision:
    """A row of SELECT_DECISIONS without its sequence. Any: as above."""
    decision_id, request_id, create_time_ns, project_id, key_id, category, difficulty, policy, cause, model_id, *rest = values
    epoch, number, degraded, prompt_hash, detail = rest
    return Decision(
        decision_id=decision_id,
        request_id=request_id,
        create_time_ns=create_time_ns,
        account=Account(project_id, key_id),
        category=category,
        difficulty=difficulty,
        policy=policy,
        cause=cause,
        model_id=model_id,
        catalog_version=CatalogVersion(epoch, number),
        degraded=tuple(json.loads(degraded)),
        prompt_hash=prompt_hash,
        detail=detail,
    )
