"""What the gateway reports, from services over real gRPC: one that answers, one that hangs, one that is away, and a real ledger."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.classifier.v1 import classifier_pb2
from pointsman.api.config.v1 import config_pb2
from pointsman.api.ledger.v1 import ledger_pb2
from pointsman.api.registry.v1 import registry_pb2
from pointsman.api.status.v1 import status_pb2
from pointsman.gateway import server
from pointsman.gateway.adapters import ledger_client
from pointsman.gateway.adapters.ledger_client import LedgerClient
from pointsman.gateway.adapters.usage_reports import LedgerReports
from pointsman.gateway.ports import Account, AttemptOutcome, BilledTo, DecisionRecord, Settlement
from pointsman.gateway.report_ports import DecisionQuery, UsageDimension, UsageQuery
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import InvalidArgument, Unavailable
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.ledger import server as ledger_server
from pointsman.ledger.settings import LedgerSettings
from tests.integration.gateway.test_serve import NOWHERE, Services, client_of, on_disk, serving, settings
from tests.integration.gateway.test_spool_file import ATTEMPT
from tests.unit.gateway.core.samples import VERSION

PATIENCE_S = 10.0
START_S = 1_700_000_000.0


class TellingServices(Services):
    """They tell how they are; the executor hangs."""

    async def GetStatus(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        match request:
            case classifier_pb2.GetStatusRequest():
                return classifier_pb2.GetStatusResponse(status=status("classifier"), encoder_available=False, categories=["coding"])
            case registry_pb2.GetStatusRequest():
                subscriber = registry_pb2.Subscriber(service="gateway", instance_id="gateway_9")
                state = registry_pb2.SubscriberState(
                    subscriber=subscriber, kind=config_pb2.CONFIG_KIND_CATALOG, version=config_pb2.ConfigVersion(epoch="e", number=4)
                )
                return registry_pb2.GetStatusResponse(
                    status=status("registry"),
                    catalog_error="catalog.yaml:3: unknown key",
                    inactive_sections=["experiments"],
                    last_sync_time=Timestamp(seconds=int(START_S)),
                    data_sources=["catalog.yaml"],
                    subscribers=[state],
                )
            case ledger_pb2.GetStatusRequest():
                return ledger_pb2.GetStatusResponse(status=status("ledger"), attempt_count=3, total_cost_nanousd=2_500_000_000)
            case _:
                return await asyncio.Event().wait()


def status(service: str) -> status_pb2.ServiceStatus:
    applied = status_pb2.AppliedConfig(
        kind=config_pb2.CONFIG_KIND_CLASSIFICATION, version=config_pb2.ConfigVersion(epoch="e", number=2), from_disk=True
    )
    return status_pb2.ServiceStatus(
        service=service,
        version="1.2.3",
        instance_id=f"{service}_7",
        start_time=Timestamp(seconds=int(START_S)),
        cpu_time=Duration(seconds=2, nanos=500_000_000),
        resident_memory_bytes=1 << 20,
        in_flight_count=1,
        open_connection_count=5,
        applied_configs=[applied],
        degraded=["encoder_unavailable"] if service == "classifier" else [],
    )


async def test_health_asks_every_service_and_waits_for_none_that_hangs(tmp_path: Path) -> None:
    async with serving(TellingServices()) as target, server.serve(settings(tmp_path, target)) as addresses, client_of(addresses) as client:
        answer = await client.get("/v1/health")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "degraded")
    assert body["degraded"] == ["executor", "encoder_unavailable", "catalog_refused"]
    classifier = body["services"]["classifier"]
    assert classifier["round_trip_ms"] > 0
    assert {**classifier, "round_trip_ms": None} == {
        "ok": True, "reason": None, "version": "1.2.3", "instance": "classifier_7", "started_at": "2023-11-14T22:13:20.000+00:00",
        "cpu_time_s": 2.5, "memory_bytes": 1 << 20, "open_connections": 5, "in_flight": 1, "round_trip_ms": None,
        "degraded": ["encoder_unavailable"],
        "applied_configs": [{"kind": "classification", "version": 2, "epoch": "e", "from_disk": True}],
    }  # fmt: skip
    assert (body["services"]["executor"]["ok"], body["services"]["executor"]["reason"]) == (False, "deadline_exceeded")
    assert {applied["kind"] for applied in body["services"]["gateway"]["applied_configs"]} == {"catalog", "classification"}
    assert body["services"]["gateway"]["memory_bytes"] > 0
    assert (body["catalog_error"], body["inactive_sections"]) == ("catalog.yaml:3: unknown key", ["experiments"])
    assert body["subscribers"] == [{"service": "gateway", "instance": "gateway_9", "kind": "catalog", "version": 4, "rejection": None}]
    assert body["classifier"] == {"ml_model_available": False, "encoder": None, "artifact": None, "categories": ["coding"]}
    assert body["ledger"] == {"attempts": 3, "total_cost_usd": 2.5, "open_spends": 0, "reserved_usd": 0.0}


async def test_without_a_catalogue_ever_it_reports_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_WORLD_S", 0.05)
    async with server.serve(settings(tmp_path, NOWHERE)) as addresses, client_of(addresses) as client:
        health, ready = await client.get("/v1/health"), await client.get("/readyz")
    assert (health.status_code, ready.status_code, health.json()["models"]["total"]) == (200, 503, 0)
    assert set(health.json()["degraded"]) >= {"catalog", "classifier", "registry", "executor", "ledger"}
    assert health.json()["services"]["gateway"]["degraded"][0] == "catalog"


async def test_with_everything_away_it_still_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_WORLD_S", 0.05)
    on_disk(tmp_path)
    async with server.serve(settings(tmp_path, NOWHERE)) as addresses, client_of(addresses) as client:
        health, figures, scraped = [await client.get(path) for path in ("/v1/health", "/metrics/models", "/metrics")]
        refused = [(await client.get(path)).json()["error"]["code"] for path in ("/v1/usage", "/v1/metrics", "/v1/decisions")]
    services = health.json()["services"]
    assert {name for name, service in services.items() if not service["ok"]} == {"classifier", "registry", "executor", "ledger"}
    assert (figures.status_code, figures.json()["degraded"], figures.json()["models"][0]["requests"]) == (200, ["ledger", "executor"], None)
    assert refused == ["dependency_down"] * 3
    assert scraped.headers["content-type"].startswith("text/plain")
    assert 'pointsman_config_version{kind="catalog"} 1.0' in scraped.text


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[ServiceChannel]:
    """A real one with two attempts of one request and one of another."""
    async with served_ledger(tmp_path) as addresses, ServiceChannel(addresses["ledger_grpc"], service=ledger_client.SERVICE) as channel:
        client = LedgerClient(channel)
        failed = replace(ATTEMPT, attempt_id="att_1", outcome=AttemptOutcome.FAILED, billed_to=BilledTo.OPERATOR, cost_nanousd=0)
        served = replace(ATTEMPT, attempt_id="att_2", number=2, outcome=AttemptOutcome.SUCCEEDED, failure_reason=None)
        other = replace(served, attempt_id="att_3", number=1, model_id="strong", billed_to=BilledTo.OPERATOR)
        for settlement in (
            Settlement("req_1", Account("acme", "key"), (failed, served), VERSION, None, "coding", "dec_1"),
            Settlement("req_2", Account("other"), (other,), VERSION),
        ):
            await client.settle_spend(settlement, deadline=Deadline.after(PATIENCE_S))
        await client.record_decisions([decision("dec_1"), decision("dec_2")], deadline=Deadline.after(PATIENCE_S))
        yield channel


@asynccontextmanager
async def served_ledger(folder: Path) -> AsyncIterator[Mapping[str, str]]:
    async with ledger_server.serve(LedgerSettings(var_dir=folder, port=0, rest_port=0, drain_s=0.1)) as addresses:
        yield addresses


def decision(name: str) -> DecisionRecord:
    return DecisionRecord(
        decision_id=name,
        request_id=f"req_of_{name}",
        create_time_s=START_S + float(name[-1]),
        account=Account("acme"),
        category="coding",
        difficulty="easy",
        policy="balanced",
        cause="ranked",
        model_id="small",
        catalog_version=VERSION,
        degraded=(),
        prompt_hash=bytes(32),
        detail=b"{}",
    )


async def test_a_real_ledger_sums_up_by_model(ledger: ServiceChannel) -> None:
    reports = LedgerReports(ledger)
    query = UsageQuery(ATTEMPT.start_time_s - 1, ATTEMPT.start_time_s + 1, (UsageDimension.MODEL, UsageDimension.TIME), bucket_s=60)
    rows = {row.model_id: row for row in await reports.sum_usage(query, deadline=Deadline.after(PATIENCE_S))}
    small = rows["small"]
    assert (small.request_count, small.attempt_count, small.succeeded_attempt_count, small.failed_attempt_count) == (1, 2, 1, 1)
    assert (small.provider_id, small.bucket_start_s) == ("openai", ATTEMPT.start_time_s // 60 * 60)
    assert (small.caller_cost_nanousd, rows["strong"].operator_cost_nanousd) == (9_000, 9_000)
    assert small.latency is not None
    assert small.latency.p50_s == pytest.approx(0.25, rel=0.1)
    only_strong = replace(query, group_by=(), bucket_s=None, model_id="strong")
    (alone,) = await reports.sum_usage(only_strong, deadline=Deadline.after(PATIENCE_S))
    assert (alone.model_id, alone.input_token_count) == (None, 10)


async def test_a_real_ledger_pages_decisions_and_refuses_a_place_of_another_list(ledger: ServiceChannel) -> None:
    reports = LedgerReports(ledger)
    first = await reports.list_decisions(DecisionQuery(page_size=1, project_id="acme"), deadline=Deadline.after(PATIENCE_S))
    assert ([record.decision_id for record in first.records], first.next_page_token is not None) == (["dec_2"], True)
    token = first.next_page_token or ""
    rest = await reports.list_decisions(DecisionQuery(1, token, project_id="acme"), deadline=Deadline.after(PATIENCE_S))
    assert ([record.decision_id for record in rest.records], rest.next_page_token) == (["dec_1"], None)
    for query in (DecisionQuery(1, token), DecisionQuery(1, "garbage")):
        with pytest.raises(InvalidArgument) as refused:
            await reports.list_decisions(query, deadline=Deadline.after(PATIENCE_S))
        assert (refused.value.param, refused.value.message) == ("cursor", "cursor: not one that can be taken here")


async def test_a_ledger_that_is_away_is_called_so() -> None:
    async with ServiceChannel(NOWHERE, service=ledger_client.SERVICE) as channel:
        with pytest.raises(Unavailable) as refused:
            await LedgerReports(channel).sum_usage(UsageQuery(0, 1), deadline=Deadline.after(PATIENCE_S))
    assert refused.value.reason == "dependency_down"
