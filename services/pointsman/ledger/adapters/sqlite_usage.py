"""Usage reports from SQLite, on a connection and a thread of their own, so that neither the loop nor other readers wait."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pointsman.kit.errors import DeadlineExceeded, Overloaded
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, unavailable
from pointsman.ledger.adapters.usage_statements import (
    GROUP_COLUMNS,
    TIMES_TO_FIRST_TOKEN,
    WHOLE_ANSWER_LATENCIES,
    parameters_of,
    percentiles_statement,
    sums_statement,
)
from pointsman.ledger.core.usage_report import Group, Percentiles, SumTooLarge, TooManyRows, UsageQuery, UsageRow
from pointsman.ledger.core.values import TokenUsage

# The one under way and those that wait for it; a page of the dashboard asks for a handful.
MAX_REPORTS = 16
# While a report reads, the writer's log cannot start over, and grows; a million attempts take some eight seconds.
MAX_REPORT_S = 30.0
INTEGER_OVERFLOW = "integer overflow"  # SQLite's word for a sum that does not fit; it has no code of its own


class SqliteUsageReports:
    """Implements the UsageReports port: one report at a time, the others wait for it."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        """connection: used on the thread alone."""
        self._connection = connection
        self._thread = thread
        self._count = 0

    async def sum_up(self, query: UsageQuery) -> Sequence[UsageRow]:
        """As in the port."""
        if self._count >= MAX_REPORTS:
            raise Overloaded("overloaded", f"{self._count} reports are under way", retry_after_s=1.0)
        run = ReportRun(self._connection, query)
        self._count += 1
        try:
            async with asyncio.timeout(MAX_REPORT_S) as limit:
                return await asyncio.get_running_loop().run_in_executor(self._thread, run.read)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded("deadline_exceeded", f"a report may take {MAX_REPORT_S:g} s: ask for less time") from None
        finally:
            self._count -= 1
            run.give_up()


class ReportRun:
    """One report: `read` is called on the thread, `give_up` from anywhere."""

    def __init__(self, connection: sqlite3.Connection, query: UsageQuery) -> None:
        """Prepare; nothing is read yet."""
        self._connection = connection
        self._query = query
        self._lock = threading.Lock()
        self._is_reading = False
        self._given_up = threading.Event()

    def read(self) -> list[UsageRow]:
        """The report, of one moment. Raises TooManyRows, SumTooLarge, Unavailable; given up, it has no rows."""
        with self._lock:
            if self._given_up.is_set():
                return []
            self._is_reading = True
        try:
            self._connection.execute("BEGIN")
            return self._rows()
        except sqlite3.Error as exc:
            if self._given_up.is_set():
                return []
            if INTEGER_OVERFLOW in str(exc):
                raise SumTooLarge("a sum is more than an int64 holds") from exc
            raise unavailable(exc) from exc
        finally:
            with self._lock:  # past this an interrupt would meet the next report
                self._is_reading = False
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def give_up(self) -> None:
        """Nobody waits any more: end the work, if it is still under way."""
        with self._lock:
            self._given_up.set()
            if self._is_reading:
                self._connection.interrupt()

    def _rows(self) -> list[UsageRow]:
        sums = self._fetch(sums_statement(self._query))
        if len(sums) > self._query.max_row_count:
            raise TooManyRows
        latencies = self._percentiles(WHOLE_ANSWER_LATENCIES)
        times_to_first_token = self._percentiles(TIMES_TO_FIRST_TOKEN)
        return [row_of(values, latencies, times_to_first_token) for values in sums]

    def _percentiles(self, measured: tuple[str, str]) -> dict[Group, Percentiles]:
        width = len(GROUP_COLUMNS)
        rows = self._fetch(percentiles_statement(self._query, measured))
        return {Group(*values[:width]): Percentiles(*values[width:]) for values in rows if values[width] is not None}

    def _fetch(self, statement: str) -> list[tuple[Any, ...]]:
        """All rows; none where it was given up, which an interrupt between two statements would not say. Any: STRICT tables."""
        return [] if self._given_up.is_set() else self._connection.execute(statement, parameters_of(self._query)).fetchall()


def row_of(values: tuple[Any, ...], latencies: dict[Group, Percentiles], times_to_first_token: dict[Group, Percentiles]) -> UsageRow:
    """A row of sums_statement. Any: STRICT tables hold the types of their columns."""
    group = Group(*values[: len(GROUP_COLUMNS)])
    requests, attempts, succeeded, failed, *others = values[len(GROUP_COLUMNS) :]
    *tokens, is_estimated, operator_cost, caller_cost, unpriced, last_start_time_ns = others
    input_count, output_count, cached_count, written_count, reasoning_count = tokens
    return UsageRow(
        group=group,
        request_count=requests,
        attempt_count=attempts,
        succeeded_attempt_count=succeeded,
        failed_attempt_count=failed,
        usage=TokenUsage(input_count, output_count, cached_count, written_count, reasoning_count, estimated=bool(is_estimated)),
        operator_cost_nanousd=operator_cost,
        caller_cost_nanousd=caller_cost,
        unpriced_attempt_count=unpriced,
        last_start_time_ns=last_start_time_ns,
        latency=latencies.get(group),
        time_to_first_token=times_to_first_token.get(group),
    )


@asynccontextmanager
async def open_usage_reports(path: Path) -> AsyncIterator[SqliteUsageReports]:
    """Reports over the file, which the writer has made. Raises Unavailable where it can not be opened."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="ledger-report") as thread:
        connection = await loop.run_in_executor(thread, connect_for_reading, path)
        try:
            yield SqliteUsageReports(connection, thread)
        finally:
            await loop.run_in_executor(thread, connection.close)
