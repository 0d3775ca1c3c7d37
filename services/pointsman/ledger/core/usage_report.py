"""What usage reports are asked for, and what they hold. Times are nanoseconds, moments since 1970, money nano-dollars."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from pointsman.ledger.core.values import TokenUsage


class UsageDimension(Enum):
    """What attempts are grouped by."""

    MODEL = auto()  # and its provider
    PROVIDER = auto()
    PROJECT = auto()
    KEY = auto()
    CATEGORY = auto()
    TIME = auto()


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which attempts to sum up, and by what. None: no condition.

    start_time_ns: that moment or later; end_time_ns: before it. bucket_ns: length of a row's time, set where
    grouped by TIME. max_row_count: more rows are refused.
    """

    dimensions: frozenset[UsageDimension] = frozenset()
    start_time_ns: int | None = None
    end_time_ns: int | None = None
    bucket_ns: int | None = None
    model_id: str | None = None
    project_id: str | None = None
    max_row_count: int = 1_000


@dataclass(frozen=True, slots=True)
class Group:
    """What a row's attempts have in common; None where they were not grouped by it, or have none."""

    bucket_start_time_ns: int | None = None
    model_id: str | None = None
    provider_id: str | None = None
    project_id: str | None = None
    key_id: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Three percentiles of a time, by nearest rank: each is one that was measured."""

    p50_ns: int
    p95_ns: int
    p99_ns: int


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over the attempts of one group.

    Money that was booked without an attempt, as for a spend that expired, is part of the costs and counts no
    attempt. latency: of whole answers. time_to_first_token: of attempts that gave content. last_start_time_ns:
    None where there is such money alone.
    """

    group: Group
    request_count: int
    attempt_count: int
    succeeded_attempt_count: int
    failed_attempt_count: int
    usage: TokenUsage
    operator_cost_nanousd: int
    caller_cost_nanousd: int
    unpriced_attempt_count: int
    last_start_time_ns: int | None
    latency: Percentiles | None = None
    time_to_first_token: Percentiles | None = None


class TooManyRows(Exception):
    """There are more groups than the query allows rows."""


class SumTooLarge(Exception):
    """A sum is more than an int64 holds."""


class UsageReports(Protocol):
    """Sums up what is booked, beside the writer and without keeping it waiting."""

    async def sum_up(self, query: UsageQuery) -> Sequence[UsageRow]:
        """One row for each group that has attempts or costs: by time, then by the operator's cost, highest first.

        Cancelling it ends the work. Raises TooManyRows, SumTooLarge, and ServiceError: "dependency_down" where the
        store does not work, "overloaded" where too many reports wait, "deadline_exceeded" where one takes too long.
        """
