"""The ledger's HTTP port: metrics and health."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from pointsman.ledger.server import serve
from pointsman.ledger.settings import LedgerSettings
from tests.integration.ledger.ledger_process import calls_to
from tests.integration.scrape import get, scrape


def settings_in(folder: Path) -> LedgerSettings:
    return LedgerSettings(port=0, rest_port=0, var_dir=folder, drain_s=1)


async def test_metrics_tell_where_the_books_stand(tmp_path: Path) -> None:
    async with serve(settings_in(tmp_path)) as addresses, calls_to(addresses["ledger_grpc"]) as ledger:
        await ledger.settle("spd_0", {"att_0": 5, "att_1": 6})
        await ledger.open("spd_1", 2_000_000_000, 500_000_000)
        await ledger.open("spd_2", 1, time_to_live_s=0.05)
        async with asyncio.timeout(20):
            while (await ledger.status()).open_spend_count != 1:
                pass
        await ledger.settle("spd_2", {"att_2": 7})
        samples = await scrape(addresses["ledger_rest"])
    assert samples['pointsman_ledger_settlements_total{outcome="settled"}'] == 1
    assert samples['pointsman_ledger_settlements_total{outcome="corrected"}'] == 1
    assert samples["pointsman_ledger_expired_spends_total"] == 1
    assert samples["pointsman_ledger_open_spends"] == 1
    assert samples["pointsman_ledger_reserved_usd"] == 2.5
    assert samples["pointsman_ledger_rows"] == 5  # three attempts, a worst case, and what takes it back
    assert samples["pointsman_ledger_waiting_writes"] == 0
    assert samples["pointsman_ledger_commit_writes_sum"] == samples["pointsman_ledger_commit_writes_count"] == 5
    assert samples["pointsman_ledger_commit_duration_seconds_count"] == 5
    assert samples['rpc_server_duration_seconds_count{outcome="ok",rpc_method="SettleSpend"}'] == 2


async def test_open_spends_are_known_again_after_a_restart_before_anything_is_written(tmp_path: Path) -> None:
    async with serve(settings_in(tmp_path)) as addresses, calls_to(addresses["ledger_grpc"]) as ledger:
        await ledger.open("spd_1", 2_000_000_000)
    async with serve(settings_in(tmp_path)) as addresses:
        samples = await scrape(addresses["ledger_rest"])
    assert (samples["pointsman_ledger_open_spends"], samples["pointsman_ledger_reserved_usd"]) == (1, 2)


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), ("/other", 404)])
async def test_health_is_told(tmp_path: Path, path: str, status: int) -> None:
    async with serve(settings_in(tmp_path)) as addresses:
        assert (await get(addresses["ledger_rest"], path))[0] == status


async def test_metrics_off_loopback_want_the_service_token(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"host": "0.0.0.0", "service_token": SecretStr("only-for-services")})
    async with serve(settings) as addresses:
        address = addresses["ledger_rest"].replace("0.0.0.0", "127.0.0.1")
        assert (await get(address, "/metrics"))[0] == 401
        assert (await get(address, "/metrics", Authorization="Bearer only-for-services"))[0] == 200
        assert (await get(address, "/livez"))[0] == 200
