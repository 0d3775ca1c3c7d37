"""The store as a whole: one ledger per folder, health, and an end that loses nothing."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.kit.errors import Conflict, Unavailable
from pointsman.kit.logging import get_logger
from pointsman.ledger.adapters.sqlite_connections import connect_for_writing
from pointsman.ledger.adapters.sqlite_store import open_store
from pointsman.ledger.core.booking import settle_spend
from pointsman.ledger.core.ports import Books
from tests.unit.ledger.books import TIME_NS, a_settlement, an_attempt

LOG = get_logger("ledger")


def settling(attempt_id: str) -> Callable[[Books], int]:
    settlement = a_settlement(None, an_attempt(attempt_id, 1))
    return lambda books: settle_spend(books, settlement, book_time_ns=TIME_NS).total_cost_nanousd


async def test_second_ledger_on_a_folder_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    async with open_store(tmp_path, max_waiting=9, log=LOG):
        with pytest.raises(Conflict, match="used by another ledger, process"):
            async with open_store(tmp_path, max_waiting=9, log=LOG):
                pass
    async with open_store(tmp_path, max_waiting=9, log=LOG) as store:
        assert (await store.read_sums()).attempt_count == 0


async def test_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="can not be used"):
        async with open_store(tmp_path / "file" / "folder", max_waiting=9, log=LOG):
            pass


async def test_many_writes_share_commits_and_are_all_there_after_the_end(tmp_path: Path) -> None:
    async with open_store(tmp_path, max_waiting=500, log=LOG) as store:
        outcomes = await asyncio.gather(*(store.write(settling(f"att_{n}")) for n in range(500)))
        assert outcomes == [1] * 500
        print(f"500 writes at once: {store.commit_count} commits")
        assert store.commit_count < 50
    async with open_store(tmp_path, max_waiting=500, log=LOG) as store:
        sums = await store.read_sums()
    assert (sums.attempt_count, sums.total_cost_nanousd) == (500, 500)


async def test_writes_under_way_at_the_end_are_kept(tmp_path: Path) -> None:
    async with open_store(tmp_path, max_waiting=9, log=LOG) as store:
        late = asyncio.ensure_future(store.write(settling("att_late")))
        await asyncio.sleep(0)
    assert await late == 1


async def test_store_says_while_it_does_not_work_and_when_it_does_again(tmp_path: Path) -> None:
    connections: list[sqlite3.Connection] = []

    def connect(path: Path) -> sqlite3.Connection:
        connections.append(connect_for_writing(path))
        return connections[-1]

    async with open_store(tmp_path, max_waiting=9, log=LOG, connect=connect) as store:
        await store.write(settling("att_0"))
        connections[0].execute("PRAGMA query_only = ON")
        with pytest.raises(Unavailable):
            await store.write(settling("att_1"))
        assert store.is_failing
        connections[0].execute("PRAGMA query_only = OFF")
        assert await store.write(settling("att_1")) == 1
        assert not store.is_failing
