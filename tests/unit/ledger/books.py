"""Values to book, and books in memory."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from pointsman.ledger.adapters.schema import migrate
from pointsman.ledger.adapters.sqlite_outcomes import SqliteFeedback, SqliteOutcomes
from pointsman.ledger.core.chain import Head, StoredRow
from pointsman.ledger.core.entries import Entry, values_of
from pointsman.ledger.core.ports import Commitment
from pointsman.ledger.core.spend import PlannedAttempt, Spend
from pointsman.ledger.core.values import Account, Attempt, AttemptOutcome, BilledTo, CatalogVersion, Decision, Settlement, TokenUsage

ACCOUNT = Account("default", "key_1")
TIME_NS = 1_700_000_000_000_000_000


def a_spend(spend_id: str = "spd_1", *worst_cases_nanousd: int) -> Spend:
    planned = tuple(PlannedAttempt(f"model-{number}", "provider", worst) for number, worst in enumerate(worst_cases_nanousd or (100,)))
    return Spend(spend_id, "req_1", ACCOUNT, planned, TIME_NS, TIME_NS + 60_000_000_000)


def an_attempt(attempt_id: str = "att_1", cost_nanousd: int | None = 10, billed_to: BilledTo = BilledTo.OPERATOR) -> Attempt:
    return Attempt(
        attempt_id=attempt_id,
        number=1,
        model_id="model-0",
        provider_id="provider",
        outcome=AttemptOutcome.SUCCEEDED,
        billed_to=billed_to,
        start_time_ns=TIME_NS,
        latency_ns=5_000_000,
        cost_nanousd=cost_nanousd,
        usage=TokenUsage(9, 8, reasoning_token_count=2),
        time_to_first_token_ns=1_000_000,
    )


def a_settlement(spend_id: str | None = "spd_1", *attempts: Attempt) -> Settlement:
    return Settlement("req_1", ACCOUNT, attempts, spend_id, "coding", "dec_1", CatalogVersion("epoch", 3))


def a_decision(decision_id: str = "dec_1", *, request_id: str = "req_1", project_id: str = "default", time_ns: int = TIME_NS) -> Decision:
    return Decision(
        decision_id=decision_id,
        request_id=request_id,
        create_time_ns=time_ns,
        account=Account(project_id),
        category="coding",
        difficulty="easy",
        policy="balanced",
        cause="ranked",
        model_id="model-0",
        catalog_version=CatalogVersion("epoch", 3),
        degraded=("classifier",),
        prompt_hash=bytes(32),
        detail=b'{"model":"model-0"}',
    )


class MemoryBooks:
    """Implements the Books port; held to the same tests as the one on SQLite, whose outcomes it has, in memory."""

    def __init__(self) -> None:
        self.spends: dict[str, Spend] = {}
        self.entries: list[Entry] = []
        self.rows: list[StoredRow] = []
        self.head = Head()
        self.decisions: dict[str, Decision] = {}
        connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(connection)
        self.connection = connection
        self.outcomes = SqliteOutcomes(connection)
        self.feedback = SqliteFeedback(connection)

    @property
    def commitment(self) -> Commitment:
        return Commitment(self.head.total_cost_nanousd, sum(spend.reserved_nanousd for spend in self.spends.values()))

    def find_spend(self, spend_id: str) -> Spend | None:
        return self.spends.get(spend_id)

    def put_spend(self, spend: Spend, *, before: Spend | None) -> None:
        assert self.spends.get(spend.spend_id) == before
        self.spends[spend.spend_id] = spend

    def operator_costs(self, attempt_ids: Collection[str]) -> Mapping[str, int]:
        return {entry.attempt_id: entry.operator_cost_nanousd for entry in self.entries if entry.attempt_id in attempt_ids}

    def append(self, entry: Entry) -> None:
        assert entry.attempt_id not in self.operator_costs([entry.attempt_id])
        values, cost = values_of(entry), entry.operator_cost_nanousd
        self.head = self.head.next(values, cost)
        self.entries.append(entry)
        self.rows.append(StoredRow(self.head.sequence, values, cost, self.head.total_cost_nanousd, self.head.hash))

    def keep_decisions(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            self.decisions.setdefault(decision.decision_id, decision)
