"""What a dead gateway has left in its spool comes into a real ledger's books, once."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.api.ledger.v1 import ledger_pb2, ledger_pb2_grpc
from pointsman.gateway import server
from pointsman.gateway.adapters import ledger_client
from pointsman.gateway.adapters.spool_file import open_spool
from pointsman.gateway.engine import backlog
from pointsman.gateway.ports import Account, BilledTo, OpenedSpend, PlannedAttempt, Settlement, Spend, SpoolEntry
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.logging import get_logger
from pointsman.ledger import server as ledger_server
from pointsman.ledger.settings import LedgerSettings
from tests.integration.gateway.test_serve import NOWHERE, on_disk, settings
from tests.integration.gateway.test_spool_file import ATTEMPT
from tests.unit.gateway.core.samples import VERSION

PLANNED = (PlannedAttempt("small", "openai", 70_000), PlannedAttempt("strong", "openai", 700_000))
LONG_AGO_S = 1_700_000_000.0
PATIENCE_S = 20.0


def opened(name: str) -> OpenedSpend:
    return OpenedSpend(Spend(f"spd_{name}", f"req_{name}", Account(), PLANNED, 125.0), LONG_AGO_S)


def settled(name: str, cost_nanousd: int) -> Settlement:
    attempt = replace(ATTEMPT, attempt_id=f"att_{name}", billed_to=BilledTo.OPERATOR, cost_nanousd=cost_nanousd)
    return Settlement(f"req_{name}", Account(), (attempt,), VERSION, f"spd_{name}")


async def await_total(addresses: Mapping[str, str], total_nanousd: int) -> None:
    """Return once that much is booked and nothing reserved."""
    async with ServiceChannel(addresses["ledger_grpc"], service=ledger_client.SERVICE) as channel, asyncio.timeout(PATIENCE_S):
        stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)
        while True:
            status = await channel.call(stub.GetStatus, ledger_pb2.GetStatusRequest(), deadline=Deadline.after(PATIENCE_S))
            if (status.total_cost_nanousd, status.reserved_nanousd) == (total_nanousd, 0):
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("times", [1, 2], ids=["once", "left behind again by a second crash"])
async def test_a_spend_that_was_never_settled_is_booked_at_its_worst_case_and_the_others_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(server, "FIRST_WORLD_S", 0.05)
    monkeypatch.setattr(backlog, "LEAST_TIME_TO_LIVE_S", 0.2)
    on_disk(tmp_path)
    left: list[SpoolEntry] = [opened("lost"), opened("done"), settled("done", 9_000)]
    async with ledger_server.serve(LedgerSettings(var_dir=tmp_path / "ledger", port=0, rest_port=0, drain_s=0.1)) as ledger:
        for _ in range(times):
            async with open_spool(tmp_path / "gateway" / "spool", get_logger("gateway")) as (spool, _entries):
                await spool.append(left)
            async with server.serve(settings(tmp_path, NOWHERE, ledger_target=ledger["ledger_grpc"])):
                await await_total(ledger, 770_000 + 9_000)
        async with open_spool(tmp_path / "gateway" / "spool", get_logger("gateway")) as (_spool, entries):
            assert entries == []
