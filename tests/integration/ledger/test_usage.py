"""Usage reports over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.kit.errors import InvalidArgument
from pointsman.ledger.server import serve
from pointsman.ledger.settings import LedgerSettings
from tests.integration.ledger.ledger_process import START, LedgerCalls, calls_to

BY_MODEL_AND_HOUR = pb.QueryUsageRequest(
    group_by=[pb.USAGE_DIMENSION_MODEL, pb.USAGE_DIMENSION_TIME], bucket=Duration(seconds=3_600), start_time=START
)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[LedgerCalls]:
    settings = LedgerSettings(port=0, rest_port=0, var_dir=folder, drain_s=1)
    async with serve(settings) as addresses, calls_to(addresses["ledger_grpc"]) as calls:
        yield calls


async def test_report_sums_up_what_was_settled(tmp_path: Path) -> None:
    async with serving(tmp_path) as ledger:
        assert (await ledger.usage(pb.QueryUsageRequest())).rows == []
        await ledger.settle("spd_1", {"att_1": 30, "att_2": 12})
        await ledger.settle("spd_1", {"att_1": 99})
        (row,) = (await ledger.usage(BY_MODEL_AND_HOUR)).rows
        assert (await ledger.usage(pb.QueryUsageRequest(end_time=START))).rows == []
    assert (row.model_id, row.provider_id, row.project_id) == ("m", "p", "")
    assert row.bucket_start_time == Timestamp(seconds=START.seconds // 3_600 * 3_600)
    assert (row.request_count, row.attempt_count, row.operator_cost_nanousd, row.usage.output_token_count) == (1, 2, 42, 16)
    assert (row.latency.p99, row.HasField("time_to_first_token")) == (Duration(nanos=5_000_000), False)
    assert row.last_start_time == START


async def test_sums_of_everything_are_those_of_the_status_also_where_a_spend_has_expired(tmp_path: Path) -> None:
    async with serving(tmp_path) as ledger:
        await ledger.settle("spd_0", {"att_0": 5})
        await ledger.open("spd_1", 100, time_to_live_s=0.05)
        async with asyncio.timeout(20):
            while (status := await ledger.status()).open_spend_count:
                pass
        assert status.total_cost_nanousd == 105
        assert sum(row.operator_cost_nanousd for row in (await ledger.usage(pb.QueryUsageRequest())).rows) == 105
        await ledger.settle("spd_1", {"att_1": 30})
        assert (await ledger.status()).total_cost_nanousd == 35
        (row,) = (await ledger.usage(pb.QueryUsageRequest())).rows
    assert (row.operator_cost_nanousd, row.attempt_count) == (35, 2)


async def test_too_many_rows_are_refused_by_field(tmp_path: Path) -> None:
    async with serving(tmp_path) as ledger:
        await ledger.settle("spd_1", {"att_1": 30})
        with pytest.raises(InvalidArgument) as caught:
            await ledger.usage(pb.QueryUsageRequest(max_row_count=10_001))
        assert caught.value.param == "max_row_count"
        for project in range(2):
            await ledger.settle_for(f"project-{project}")
        with pytest.raises(InvalidArgument, match="more than 2 rows"):
            await ledger.usage(pb.QueryUsageRequest(group_by=[pb.USAGE_DIMENSION_PROJECT], max_row_count=2))


async def test_settlements_go_on_while_reports_are_read(tmp_path: Path) -> None:
    async with serving(tmp_path) as ledger:
        for batch in range(10):
            await asyncio.gather(
                *(ledger.usage(BY_MODEL_AND_HOUR) for _ in range(5)),
                *(ledger.settle(f"spd_{batch}_{number}", {f"att_{batch}_{number}": 1}) for number in range(20)),
            )
        (row,) = (await ledger.usage(pb.QueryUsageRequest())).rows
    assert (row.attempt_count, row.operator_cost_nanousd) == (200, 200)
