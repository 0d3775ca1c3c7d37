"""The ledger over gRPC, wired as it is served."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2
from pydantic import SecretStr

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.kit.errors import Conflict, InvalidArgument, ServiceError, Unauthenticated
from pointsman.kit.settings import SettingsError
from pointsman.ledger.server import SERVICE_NAME, serve
from pointsman.ledger.settings import LedgerSettings
from tests.integration.ledger.ledger_process import ACCOUNT, LedgerCalls, calls_to, ledger_in_process, start


def settings_in(folder: Path) -> LedgerSettings:
    return LedgerSettings(port=0, rest_port=0, var_dir=folder, drain_s=1)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[LedgerCalls]:
    async with serve(settings_in(folder)) as addresses, calls_to(addresses["ledger_grpc"]) as calls:
        yield calls


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[LedgerCalls]:
    async with serving(tmp_path) as calls:
        yield calls


def decision(name: str, *, second: int = 0, detail: bytes = b"{}") -> pb.Decision:
    time_of_it = Timestamp(seconds=1_700_000_000 + second)
    return pb.Decision(decision_id=name, request_id="req_1", create_time=time_of_it, account=ACCOUNT, model_id="m", detail=detail)


async def await_open_spends(ledger: LedgerCalls, count: int) -> pb.GetStatusResponse:
    """Ask until so many spends are open."""
    async with asyncio.timeout(20):
        while (status := await ledger.status()).open_spend_count != count:
            pass
    return status


async def test_money_is_reserved_then_booked(ledger: LedgerCalls) -> None:
    assert await ledger.open("spd_1", 100, 50) == pb.OpenSpendResponse(admitted_attempt_count=2, reserved_nanousd=150)
    status = await ledger.status()
    assert (status.open_spend_count, status.reserved_nanousd, status.total_cost_nanousd) == (1, 150, 0)
    assert await ledger.settle("spd_1", {"att_1": 30, "att_2": 12}) == pb.SettleSpendResponse(total_cost_nanousd=42)
    assert await ledger.settle("spd_1", {"att_1": 99, "att_2": 99}) == pb.SettleSpendResponse(total_cost_nanousd=42)
    status = await ledger.status()
    assert (status.attempt_count, status.total_cost_nanousd, status.open_spend_count, status.reserved_nanousd) == (2, 42, 0, 0)
    assert (status.status.service, list(status.status.degraded)) == ("ledger", [])


async def test_spend_that_nobody_settles_is_booked_at_its_worst_case_and_corrected_later(ledger: LedgerCalls) -> None:
    await ledger.open("spd_long", 7, time_to_live_s=600)
    await ledger.open("spd_1", 100, time_to_live_s=0.05)
    status = await await_open_spends(ledger, 1)
    assert (status.attempt_count, status.total_cost_nanousd, status.reserved_nanousd) == (0, 100, 7)
    assert await ledger.settle("spd_1", {"att_1": 30}) == pb.SettleSpendResponse(total_cost_nanousd=30, corrected=True)
    assert (await ledger.status()).total_cost_nanousd == 30


async def test_spend_expires_also_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as ledger:
        await ledger.open("spd_1", 100, time_to_live_s=0.5)
        assert (await ledger.status()).reserved_nanousd == 100
    async with serving(tmp_path) as ledger:
        assert (await await_open_spends(ledger, 0)).total_cost_nanousd == 100


async def test_decisions_come_back_page_by_page_newest_first(ledger: LedgerCalls) -> None:
    recorded = [decision(f"dec_{number}", second=number) for number in range(5)]
    await ledger.record(*recorded)
    await ledger.record(decision("dec_3", second=100), decision("dec_5", second=5))
    found: list[str] = []
    request = pb.QueryDecisionsRequest(request_id="req_1", page_size=4)
    while True:
        response = await ledger.query(request)
        found += [one.decision_id for one in response.decisions]
        if not response.next_page_token:
            break
        request.page_token = response.next_page_token
    assert found == ["dec_5", "dec_4", "dec_3", "dec_2", "dec_1", "dec_0"]
    assert (await ledger.query(pb.QueryDecisionsRequest(decision_id="dec_2"))).decisions == [recorded[2]]


async def test_large_decisions_fit_through_in_pages(ledger: LedgerCalls) -> None:
    for first in range(0, 40, 20):
        await ledger.record(*(decision(f"dec_{number}", detail=bytes(256 << 10)) for number in range(first, first + 20)))
    response = await ledger.query(pb.QueryDecisionsRequest(page_size=1_000))
    assert 0 < len(response.decisions) < 40
    assert response.next_page_token


@pytest.mark.parametrize(
    ("request_message", "field"),
    [
        (pb.QueryDecisionsRequest(page_size=1_001), "page_size"),
        (pb.QueryDecisionsRequest(page_token="nonsense"), "page_token"),
    ],
)
async def test_faulty_query_is_refused_by_field(ledger: LedgerCalls, request_message: pb.QueryDecisionsRequest, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await ledger.query(request_message)
    assert caught.value.param == field


async def test_faulty_amounts_are_refused_by_field_and_nothing_is_booked(ledger: LedgerCalls) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await ledger.settle("spd_1", {"att_1": 5, "att_2": -1})
    assert caught.value.param == "attempts[1].cost_nanousd"
    with pytest.raises(InvalidArgument):
        await ledger.settle("spd_1", {"att_1": 2**63 - 1, "att_2": 1})
    with pytest.raises(InvalidArgument):
        await ledger.open("spd_1", 2**63 - 1, 1)
    status = await ledger.status()
    assert (status.attempt_count, status.total_cost_nanousd, status.reserved_nanousd) == (0, 0, 0)


async def test_opening_after_its_settlement_is_refused(ledger: LedgerCalls) -> None:
    await ledger.settle("spd_1", {})
    with pytest.raises(Conflict) as caught:
        await ledger.open("spd_1", 100)
    assert caught.value.reason == "spend_closed"


async def test_it_says_that_it_serves_by_its_name(tmp_path: Path) -> None:
    async with serve(settings_in(tmp_path)) as addresses, grpc.aio.insecure_channel(addresses["ledger_grpc"]) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        answer = await check(health_pb2.HealthCheckRequest(service=SERVICE_NAME))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_callers_without_the_service_token_are_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"service_token": SecretStr("only-for-services")})
    async with serve(settings) as addresses, calls_to(addresses["ledger_grpc"]) as calls:
        with pytest.raises(Unauthenticated):
            await calls.status()


async def test_it_does_not_listen_everywhere_without_a_credential(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="POINTSMAN_SERVICE_TOKEN"):
        async with serve(settings_in(tmp_path).model_copy(update={"host": "0.0.0.0"})):
            pass


async def test_second_ledger_on_the_same_folder_ends_with_one_clear_line(tmp_path: Path) -> None:
    async with ledger_in_process(tmp_path) as (process, _):
        second = await start(tmp_path)
        output, errors = await second.communicate()
    assert (second.returncode, output) == (1, b"")
    assert errors.decode().splitlines() == [f"pointsman: ledger: {tmp_path} is used by another ledger, process {process.pid}"]


async def test_ledger_ends_with_status_0_when_it_is_told_to(tmp_path: Path) -> None:
    async with ledger_in_process(tmp_path) as (process, address), calls_to(address) as calls:
        await calls.settle("spd_1", {"att_1": 1})
        process.terminate()
        assert await process.wait() == 0


async def test_500_settlements_at_once_share_their_commits(tmp_path: Path) -> None:
    async with serving(tmp_path) as ledger:
        start_s = time.perf_counter()
        settled = await asyncio.gather(*(ledger.settle(f"spd_{number}", {f"att_{number}": number}) for number in range(500)))
        duration_s = time.perf_counter() - start_s
        status = await ledger.status()
    print(f"500 settlements at once: {500 / duration_s:.0f}/s")
    assert [one.total_cost_nanousd for one in settled] == list(range(500))
    assert (status.attempt_count, status.total_cost_nanousd) == (500, sum(range(500)))


async def test_same_settlement_many_times_at_once_is_booked_once(ledger: LedgerCalls) -> None:
    await ledger.open("spd_1", 100)
    settled = await asyncio.gather(*(ledger.settle("spd_1", {"att_1": 30}) for _ in range(50)))
    assert {one.total_cost_nanousd for one in settled} == {30}
    status = await ledger.status()
    assert (status.attempt_count, status.total_cost_nanousd) == (1, 30)


async def test_too_many_waiting_writes_are_turned_away_and_nothing_else_suffers(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"max_waiting_writes": 2})
    async with serve(settings) as addresses, calls_to(addresses["ledger_grpc"]) as calls:
        many = (calls.settle(f"spd_{number}", {f"att_{number}": 1}) for number in range(300))
        outcomes = await asyncio.gather(*many, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
        booked = [outcome for outcome in outcomes if isinstance(outcome, pb.SettleSpendResponse)]
        status = await calls.status()
    assert {error.reason for error in refused} == {"overloaded"}
    assert len(booked) + len(refused) == 300
    assert status.attempt_count == status.total_cost_nanousd == len(booked)
