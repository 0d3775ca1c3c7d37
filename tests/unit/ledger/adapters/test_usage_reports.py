"""Reports run one at a time beside the loop, and end when nobody waits for them."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.kit.errors import Overloaded, Unavailable
from pointsman.ledger.adapters.sqlite_books import SqliteBooks
from pointsman.ledger.adapters.sqlite_connections import connect_for_reading, connect_for_writing
from pointsman.ledger.adapters.sqlite_usage import MAX_REPORTS, ReportRun, SqliteUsageReports
from pointsman.ledger.core.booking import settle_spend
from pointsman.ledger.core.usage_report import UsageQuery
from tests.unit.ledger.books import TIME_NS, a_settlement, an_attempt

STUCK_S = 20.0


class Brake:
    """Holds a connection's statements in the middle until it is released."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._is_held = threading.Event()
        self._is_released = threading.Event()
        connection.set_progress_handler(self._hold, 1)

    def _hold(self) -> int:
        self._is_held.set()
        assert self._is_released.wait(STUCK_S)
        return 0

    async def held(self) -> None:
        assert await asyncio.to_thread(self._is_held.wait, STUCK_S)

    def release(self) -> None:
        self._is_released.set()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Reads books with one attempt."""
    path = tmp_path / "ledger.db"
    with closing(connect_for_writing(path)) as writing:
        settle_spend(SqliteBooks(writing), a_settlement(None, an_attempt()), book_time_ns=TIME_NS)
        with closing(connect_for_reading(path)) as reading:
            yield reading


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as thread:
        yield thread


async def test_report_given_up_in_the_middle_of_a_statement_is_interrupted(connection: sqlite3.Connection) -> None:
    brake, run = Brake(connection), ReportRun(connection, UsageQuery())
    reading = asyncio.create_task(asyncio.to_thread(run.read))
    await brake.held()
    run.give_up()
    brake.release()
    assert await reading == []  # read to its end, it would have a row
    assert not connection.in_transaction
    assert len(ReportRun(connection, UsageQuery()).read()) == 1


async def test_report_that_has_ended_interrupts_nobody_when_it_is_given_up(connection: sqlite3.Connection) -> None:
    ended = ReportRun(connection, UsageQuery())
    assert len(ended.read()) == 1
    brake, next_run = Brake(connection), ReportRun(connection, UsageQuery())
    reading = asyncio.create_task(asyncio.to_thread(next_run.read))
    await brake.held()
    ended.give_up()
    brake.release()
    assert len(await reading) == 1


async def test_caller_who_leaves_makes_room_for_the_next(connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
    brake, reports = Brake(connection), SqliteUsageReports(connection, thread)
    asked = [asyncio.create_task(reports.sum_up(UsageQuery())) for _ in range(MAX_REPORTS)]
    await brake.held()
    with pytest.raises(Overloaded):
        await reports.sum_up(UsageQuery())
    for task in asked:
        task.cancel()
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in await asyncio.gather(*asked, return_exceptions=True))
    brake.release()
    assert len(await reports.sum_up(UsageQuery())) == 1


async def test_loop_goes_on_while_a_report_is_read(connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
    brake, reports = Brake(connection), SqliteUsageReports(connection, thread)
    asked = asyncio.create_task(reports.sum_up(UsageQuery()))
    await brake.held()  # which the loop could not see if it were held too
    assert not asked.done()
    brake.release()
    assert len(await asked) == 1


async def test_database_that_does_not_work_is_unavailable(tmp_path: Path, thread: ThreadPoolExecutor) -> None:
    (tmp_path / "ledger.db").touch()
    with closing(connect_for_reading(tmp_path / "ledger.db")) as empty, pytest.raises(Unavailable, match="no such table"):
        await SqliteUsageReports(empty, thread).sum_up(UsageQuery())
