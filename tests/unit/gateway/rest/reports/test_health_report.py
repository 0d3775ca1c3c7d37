"""The health report: it is always there, and tells what is not."""

from dataclasses import replace
from typing import Any

import pytest

from pointsman.gateway.core.routing import Conditions, ProviderCondition
from pointsman.gateway.engine.world import World
from pointsman.gateway.report_ports import ServiceAnswer, ServiceName
from pointsman.gateway.rest.reports.health_shapes import HealthShape, ServiceShape, ServicesShape
from tests.fakes.gateway_reports import REGISTRY_FACTS, FakeHealth, all_well, facts
from tests.fakes.gateways import FakeGateway


def heard(**fields: Any) -> FakeGateway:
    gateway = FakeGateway(**fields)
    gateway.world.conditions_known.set()
    return gateway


async def report(gateway: FakeGateway) -> dict[str, Any]:
    async with gateway.client() as client:
        answer = await client.get("/v1/health")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert body.keys() == HealthShape.__annotations__.keys()
    assert body["services"].keys() == ServicesShape.__annotations__.keys()
    assert all(service.keys() == ServiceShape.__annotations__.keys() for service in body["services"].values())
    return body


async def test_where_all_is_well_it_says_so_with_the_facts_of_each() -> None:
    body = await report(heard())
    assert (body["status"], body["degraded"], body["catalog_version"], body["catalog_error"]) == ("ok", [], 7, None)
    assert body["models"] == {"total": 3, "active": 3, "callable": 3, "not_callable": []}
    assert body["services"]["classifier"] == {
        "ok": True, "reason": None, "version": "0", "instance": "classifier_1", "started_at": "2023-11-14T22:12:20.000+00:00",
        "cpu_time_s": 1.5, "memory_bytes": 1 << 20, "open_connections": 4, "in_flight": 1, "round_trip_ms": 1.0, "degraded": [],
        "applied_configs": [{"kind": "catalog", "version": 7, "epoch": "e", "from_disk": False}],
    }  # fmt: skip
    assert (body["services"]["gateway"]["instance"], body["services"]["gateway"]["round_trip_ms"]) == ("gateway_1", None)
    assert body["inactive_sections"] == ["experiments"]
    assert body["subscribers"] == [{"service": "gateway", "instance": "gateway_1", "kind": "catalog", "version": 7, "rejection": None}]
    assert body["classifier"] == {"ml_model_available": True, "encoder": "onnx-int8", "artifact": "a1", "categories": ["coding"]}
    assert body["ledger"] == {"attempts": 3, "total_cost_usd": 1.5, "open_spends": 1, "reserved_usd": 0.002}


@pytest.mark.parametrize("away", ServiceName)
async def test_a_service_that_does_not_answer_is_part_of_the_report(away: ServiceName) -> None:
    answers = {**all_well(), away: ServiceAnswer(failure="deadline_exceeded")}
    body = await report(heard(health=FakeHealth(answers)))
    assert (body["status"], body["degraded"]) == ("degraded", [away.value])
    service = body["services"][away]
    assert (service["ok"], service["reason"], service["memory_bytes"]) == (False, "deadline_exceeded", None)
    assert sum(service["ok"] for service in body["services"].values()) == 4
    assert (body["ledger"] is None) == (away is ServiceName.LEDGER)
    assert (body["classifier"] is None) == (away is ServiceName.CLASSIFIER)


async def test_what_a_service_says_of_itself_is_handed_on() -> None:
    answers = all_well()
    answers[ServiceName.CLASSIFIER] = ServiceAnswer(0.001, None, facts("classifier_1", degraded=("encoder_unavailable",)))
    answers[ServiceName.REGISTRY] = ServiceAnswer(
        0.001, None, facts("registry_1"), replace(REGISTRY_FACTS, catalog_error="catalog.yaml:3: unknown key")
    )
    body = await report(heard(health=FakeHealth(answers)))
    assert body["degraded"] == ["encoder_unavailable", "catalog_refused"]
    assert body["services"]["classifier"]["degraded"] == ["encoder_unavailable"]
    assert body["catalog_error"] == "catalog.yaml:3: unknown key"


async def test_models_that_cannot_be_called_are_listed_with_the_reason() -> None:
    gateway = heard()
    gateway.world.conditions = Conditions(providers={"openai": ProviderCondition(callable=False, reason="OPENAI_API_KEY is not set")})
    body = await report(gateway)
    assert (body["status"], body["models"]["callable"]) == ("ok", 1)
    assert body["models"]["not_callable"] == [
        {"id": "small", "provider": "openai", "reason": "OPENAI_API_KEY is not set"},
        {"id": "strong", "provider": "openai", "reason": "OPENAI_API_KEY is not set"},
    ]
    gateway.world.conditions = Conditions(providers={name: ProviderCondition(callable=False) for name in ("openai", "ollama")})
    assert (await report(gateway))["degraded"] == ["not_callable"]


async def test_without_a_catalogue_it_is_there_all_the_same() -> None:
    body = await report(FakeGateway(world=World(), own_facts=facts("gateway_1", degraded=("catalog",))))
    assert (body["status"], body["degraded"], body["catalog_version"]) == ("degraded", ["catalog"], None)
    assert body["models"] == {"total": 0, "active": 0, "callable": None, "not_callable": []}


async def test_a_gateway_that_is_going_says_so() -> None:
    gateway = heard()
    gateway.world.is_draining = True
    body = await report(gateway)
    assert (body["services"]["gateway"]["ok"], body["services"]["gateway"]["reason"]) == (False, "shutting_down")
    assert "shutting_down" in body["degraded"]


async def test_each_word_is_there_once_whoever_says_it() -> None:
    answers = {**all_well(), ServiceName.LEDGER: ServiceAnswer(failure="dependency_down")}
    body = await report(heard(health=FakeHealth(answers), own_facts=facts("gateway_1", degraded=("ledger", "spool"))))
    assert body["degraded"] == ["ledger", "spool"]


@pytest.mark.parametrize("key", [None, "pm-ops-0123456789abcdef"])
async def test_whether_a_key_is_asked_for_is_told(key: str | None) -> None:
    gateway = heard(admin_key=key)
    async with gateway.client() as client:
        body = (await client.get("/v1/health", headers={} if key is None else {"x-api-key": key})).json()
    assert body["anonymous_access"] is (key is None)
