"""A ledger that is killed while it writes loses nothing that it has acknowledged."""

import asyncio
import contextlib
from contextlib import closing
from pathlib import Path

from pointsman.kit.errors import Unavailable
from pointsman.ledger.adapters.sqlite_reader import SqliteReader
from pointsman.ledger.adapters.sqlite_store import DATABASE_FILE
from pointsman.ledger.core.chain import first_broken_sequence
from pointsman.ledger.core.entries import ENTRY_FIELDS
from tests.integration.ledger.ledger_process import LedgerCalls, calls_to, ledger_in_process

KILLS = 5
CALLERS = 32
# Acknowledged settlements before each kill; different, so that it comes at different moments of a commit.
ACKNOWLEDGED_BEFORE_KILL = 60
ATTEMPT_ID, COST = ENTRY_FIELDS.index("attempt_id"), ENTRY_FIELDS.index("cost_nanousd")


class Callers:
    """Settles one spend after another, and remembers which were sent and which were acknowledged."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self.acknowledged: set[str] = set()
        self.progress = asyncio.Event()
        self.wanted = 0

    async def settle_on(self, calls: LedgerCalls, caller: str) -> None:
        """Open and settle until the ledger is gone."""
        with contextlib.suppress(Unavailable):
            for number in range(100_000):
                name = f"{caller}_{number}"
                await calls.open(f"spd_{name}", 1_000)
                self.sent[f"att_{name}"] = 1 + len(self.sent) % 997
                await calls.settle(f"spd_{name}", {f"att_{name}": self.sent[f"att_{name}"]})
                self.acknowledge(f"att_{name}")

    def acknowledge(self, attempt_id: str) -> None:
        self.acknowledged.add(attempt_id)
        if len(self.acknowledged) >= self.wanted:
            self.progress.set()

    async def reach(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        self.wanted = len(self.acknowledged) + more
        self.progress.clear()
        await self.progress.wait()


def booked_costs(folder: Path) -> dict[str, int]:
    """Cost by attempt as the file holds it; its chain is whole."""
    with closing(SqliteReader(folder / DATABASE_FILE)) as reader:
        rows = list(reader.read_rows())
    assert first_broken_sequence(rows) is None
    costs = {str(row.values[ATTEMPT_ID]): row.values[COST] for row in rows}
    assert len(costs) == len(rows)
    return {attempt_id: cost for attempt_id, cost in costs.items() if isinstance(cost, int)}


async def test_every_acknowledged_settlement_survives_kills_in_the_middle_of_writes(tmp_path: Path) -> None:
    callers = Callers()
    for kill in range(KILLS):
        async with ledger_in_process(tmp_path) as (process, address), calls_to(address) as calls, asyncio.TaskGroup() as group:
            for caller in range(CALLERS):
                group.create_task(callers.settle_on(calls, f"{kill}_{caller}"))
            await callers.reach(ACKNOWLEDGED_BEFORE_KILL + 13 * kill)
            process.kill()
        booked = booked_costs(tmp_path)
        assert callers.acknowledged <= booked.keys() <= callers.sent.keys()
        assert booked == {attempt_id: callers.sent[attempt_id] for attempt_id in booked}

    unacknowledged = callers.sent.keys() - callers.acknowledged
    async with ledger_in_process(tmp_path) as (_, address), calls_to(address) as calls:
        for attempt_id in unacknowledged:  # the gateway tries again
            await calls.settle(attempt_id.replace("att", "spd"), {attempt_id: callers.sent[attempt_id]})
        status = await calls.status()
    print(f"{KILLS} kills: {len(callers.acknowledged)} acknowledged, {len(unacknowledged)} in flight, 0 lost")
    assert booked_costs(tmp_path) == callers.sent
    assert (status.attempt_count, status.total_cost_nanousd) == (len(callers.sent), sum(callers.sent.values()))
