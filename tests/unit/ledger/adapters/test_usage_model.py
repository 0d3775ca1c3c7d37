"""Usage reports over random histories say what a plain account of the same histories says."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.ledger.adapters.sqlite_books import SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, connect_for_writing
from pointsman.ledger.adapters.sqlite_reader import SqliteReader
from pointsman.ledger.adapters.sqlite_usage import ReportRun
from pointsman.ledger.core.booking import SpendClosed, expire_spends, open_spend, settle_spend
from pointsman.ledger.core.spend import PlannedAttempt, Spend
from pointsman.ledger.core.usage_report import Group, Percentiles, UsageDimension, UsageQuery, UsageRow
from pointsman.ledger.core.values import Account, Attempt, AttemptOutcome, BilledTo, Settlement, TokenUsage

SPENDS = [f"spd_{number}" for number in range(4)]
names = st.sampled_from(["a", "b", "ü' --"])
times = st.integers(0, 40).map(lambda second: 1_700_000_000_000_000_000 + second * 500_000_000)
amounts = st.integers(0, 1_000)
maybe_names = st.none() | names
accounts = st.builds(Account, names, maybe_names)
usages = st.builds(TokenUsage, *[amounts] * 5, estimated=st.booleans())
attempts = st.builds(
    Attempt,
    attempt_id=st.integers(0, 12).map("att_{}".format),
    number=st.just(1),
    model_id=names,
    provider_id=names,
    outcome=st.sampled_from(AttemptOutcome),
    billed_to=st.sampled_from(BilledTo),
    start_time_ns=times,
    latency_ns=amounts,
    cost_nanousd=st.none() | amounts,
    usage=st.none() | usages,
    time_to_first_token_ns=st.none() | amounts,
)
settlements = st.builds(
    Settlement,
    request_id=names,
    account=accounts,
    attempts=st.lists(attempts, max_size=4).map(tuple),
    spend_id=st.none() | st.sampled_from(SPENDS),
    category=maybe_names,
)
plans = st.lists(st.builds(PlannedAttempt, names, names, amounts), min_size=1, max_size=3).map(tuple)
spends = st.builds(Spend, st.sampled_from(SPENDS), names, accounts, plans, times, times)
expiries = st.lists(st.sampled_from(SPENDS), max_size=3)
histories = st.lists(spends | settlements | expiries, max_size=14)
queries = st.builds(
    UsageQuery,
    dimensions=st.frozensets(st.sampled_from(UsageDimension)),
    start_time_ns=st.none() | times,
    end_time_ns=st.none() | times,
    model_id=maybe_names,
    project_id=maybe_names,
    bucket_ns=st.integers(1, 7).map(lambda seconds: seconds * 1_000_000_000),
)


@dataclass
class PlainAccount:
    """What ought to be booked: attempts by name, as they first came, and spends that expired and were not settled since."""

    booked: dict[str, tuple[Settlement, Attempt]] = field(default_factory=dict)
    open: dict[str, Spend] = field(default_factory=dict)
    expired: dict[str, Spend] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def follow(self, event: Spend | Settlement | list[str]) -> None:
        match event:
            case Spend():
                if event.spend_id not in self.open.keys() | self.expired.keys() | self.closed:
                    self.open[event.spend_id] = event
            case Settlement():
                if event.spend_id is not None:
                    self.open.pop(event.spend_id, None)
                    self.expired.pop(event.spend_id, None)
                    self.closed.add(event.spend_id)
                for attempt in event.attempts:
                    self.booked.setdefault(attempt.attempt_id, (event, attempt))
            case list():
                for spend_id in event:
                    if spend_id in self.open:
                        self.expired[spend_id] = self.open.pop(spend_id)

    def costs(self) -> list[tuple[int, str, str, Account, str | None, int]]:
        """Time, model, provider, account, category and amount of all that the operator pays."""
        paid = [(one, attempt) for one, attempt in self.booked.values() if attempt.billed_to is BilledTo.OPERATOR]
        worst = [(spend, planned) for spend in self.expired.values() for planned in spend.planned_attempts]
        return [(a.start_time_ns, a.model_id, a.provider_id, s.account, s.category, a.cost_nanousd or 0) for s, a in paid] + [
            (spend.open_time_ns, p.model_id, p.provider_id, spend.account, None, p.worst_case_nanousd) for spend, p in worst
        ]


def group_of(query: UsageQuery, time_ns: int, model_id: str, provider_id: str, account: Account, category: str | None) -> Group | None:
    """The row that it belongs to; None where a condition does not hold."""
    is_in = (query.start_time_ns or 0) <= time_ns < (query.end_time_ns or 2**63)
    if not is_in or query.model_id not in (None, model_id) or query.project_id not in (None, account.project_id):
        return None
    by, bucket_ns = query.dimensions, query.bucket_ns or 1
    return Group(
        time_ns // bucket_ns * bucket_ns if UsageDimension.TIME in by else None,
        model_id if UsageDimension.MODEL in by else None,
        provider_id if by & {UsageDimension.MODEL, UsageDimension.PROVIDER} else None,
        account.project_id if UsageDimension.PROJECT in by else None,
        account.key_id if UsageDimension.KEY in by else None,
        category if UsageDimension.CATEGORY in by else None,
    )


def percentiles_of(values: Sequence[int]) -> Percentiles | None:
    ordered = sorted(values)
    return Percentiles(*(ordered[math.ceil(share * len(ordered) / 100) - 1] for share in (50, 95, 99))) if ordered else None


def expected_row(group: Group, of: Sequence[tuple[Settlement, Attempt]], operator_cost_nanousd: int) -> UsageRow:
    made = [attempt for _, attempt in of]

    def count(holds: Callable[[Attempt], bool]) -> int:
        return sum(1 for attempt in made if holds(attempt))

    def tokens(name: str) -> int:
        return sum(getattr(attempt.usage, name) for attempt in made if attempt.usage is not None)

    return UsageRow(
        group=group,
        request_count=len({settlement.request_id for settlement, _ in of}),
        attempt_count=len(made),
        succeeded_attempt_count=count(lambda attempt: attempt.outcome is AttemptOutcome.SUCCEEDED),
        failed_attempt_count=count(lambda attempt: attempt.outcome in (AttemptOutcome.FAILED, AttemptOutcome.CUT)),
        usage=TokenUsage(
            tokens("input_token_count"),
            tokens("output_token_count"),
            tokens("cached_input_token_count"),
            tokens("cache_write_token_count"),
            tokens("reasoning_token_count"),
            estimated=any(attempt.usage is not None and attempt.usage.estimated for attempt in made),
        ),
        operator_cost_nanousd=operator_cost_nanousd,
        caller_cost_nanousd=sum(attempt.cost_nanousd or 0 for attempt in made if attempt.billed_to is BilledTo.CALLER),
        unpriced_attempt_count=count(lambda attempt: attempt.cost_nanousd is None),
        last_start_time_ns=max((attempt.start_time_ns for attempt in made), default=None),
        latency=percentiles_of([attempt.latency_ns for attempt in made if attempt.outcome is AttemptOutcome.SUCCEEDED]),
        time_to_first_token=percentiles_of(
            [attempt.time_to_first_token_ns for attempt in made if attempt.time_to_first_token_ns is not None]
        ),
    )


def expected_rows(account: PlainAccount, query: UsageQuery) -> list[UsageRow]:
    made: dict[Group, list[tuple[Settlement, Attempt]]] = defaultdict(list)
    costs: dict[Group, int] = defaultdict(int)
    for settlement, attempt in account.booked.values():
        where = (attempt.start_time_ns, attempt.model_id, attempt.provider_id, settlement.account, settlement.category)
        if (group := group_of(query, *where)) is not None:
            made[group].append((settlement, attempt))
    for *where_paid, amount in account.costs():
        if (group := group_of(query, *where_paid)) is not None:  # type: ignore[arg-type]  # as costs gives them
            costs[group] += amount
    groups = made.keys() | {group for group, cost in costs.items() if cost}
    return [expected_row(group, made.get(group, []), costs.get(group, 0)) for group in groups]


def follow(books: SqliteBooks, event: Spend | Settlement | list[str]) -> None:
    match event:
        case Spend():
            with suppress(SpendClosed):
                open_spend(books, event)
        case Settlement():
            settle_spend(books, event, book_time_ns=1)
        case list():
            expire_spends(books, event, book_time_ns=1)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(histories, st.lists(queries, min_size=1, max_size=4))
def test_report_says_what_a_plain_account_says(history: list[Spend | Settlement | list[str]], asked: list[UsageQuery]) -> None:
    account = PlainAccount()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with (
            closing(connect_for_writing(path)) as writing,
            closing(connect_for_reading(path)) as reading,
            closing(SqliteReader(path)) as reader,
        ):
            writing.execute("PRAGMA synchronous = OFF")
            books = SqliteBooks(writing)
            for event in history:
                follow(books, event)
                account.follow(event)
            for query in asked:
                asked_for = query if UsageDimension.TIME in query.dimensions else replace(query, bucket_ns=None)
                rows = ReportRun(reading, asked_for).read()
                assert sorted(rows, key=repr) == sorted(expected_rows(account, query), key=repr)
                assert rows == sorted(rows, key=lambda row: (row.group.bucket_start_time_ns or 0, -row.operator_cost_nanousd))
            total = sum(row.operator_cost_nanousd for row in ReportRun(reading, UsageQuery()).read())
            sums = reader.read_sums()
            assert (total, len(account.booked)) == (sums.total_cost_nanousd, sums.attempt_count)
