"""Reports on models, usage and decisions: every field is there, and what is not known is null."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from pointsman.gateway.core.catalog import CatalogVersion
from pointsman.gateway.core.routing import Conditions, ModelCondition, ProviderCondition
from pointsman.gateway.ports import Account, DecisionRecord
from pointsman.gateway.report_ports import DecisionPage, DecisionQuery, Percentiles, UsageDimension, UsageRow
from pointsman.gateway.rest.reports.decision_list import confidence_of
from pointsman.gateway.rest.reports.report_shapes import (
    DecisionListShape,
    DecisionSummaryShape,
    MetricsShape,
    ModelMetricsListShape,
    ModelMetricsShape,
    OneModelMetricsShape,
    PointShape,
    ProviderListShape,
    ProviderShape,
    SeriesShape,
    TotalsShape,
    UsageRowShape,
    UsageShape,
)
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Unavailable
from tests.fakes.gateway_reports import NOW_S, FakeUsage
from tests.fakes.gateways import FakeGateway

ROW = UsageRow(
    request_count=4,
    attempt_count=6,
    succeeded_attempt_count=3,
    failed_attempt_count=1,
    input_token_count=100,
    output_token_count=50,
    operator_cost_nanousd=1_500_000,
    caller_cost_nanousd=0,
    unpriced_attempt_count=0,
    latency=Percentiles(0.1, 0.2, 0.3),
    time_to_first_token=Percentiles(0.01, 0.02, 0.03),
)
NO_LEDGER = Unavailable("dependency_down", "the ledger cannot be used now")
NOTHING = {"p50": None, "p95": None, "p99": None}


def conditions() -> Conditions:
    """The provider of "small" and "strong" answers, strong's circuit is open; the local one was checked and is away."""
    return Conditions(
        providers={
            "openai": ProviderCondition(callable=True, check_time_s=NOW_S),
            "ollama": ProviderCondition(callable=False, reason="it does not answer", check_time_s=NOW_S - 1),
            "unused": ProviderCondition(callable=False, reason="UNUSED_KEY is not set"),
        },
        models={
            "small": ModelCondition(availability=0.75, in_flight_count=2, queued_count=1),
            "strong": ModelCondition(circuit_open=True),
        },
    )


def seen(**fields: Any) -> FakeGateway:
    """A gateway that has heard of its providers."""
    gateway = FakeGateway(**fields)
    gateway.world.conditions = conditions()
    gateway.world.conditions_known.set()
    return gateway


async def get(gateway: FakeGateway, path: str) -> dict[str, Any]:
    async with gateway.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def refused(gateway: FakeGateway, path: str) -> tuple[int, str, str | None]:
    async with gateway.client() as client:
        answer = await client.get(path)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


async def test_every_model_has_its_figures_those_without_traffic_too() -> None:
    small = replace(ROW, model_id="small", provider_id="openai")
    of_another = replace(ROW, model_id="strong", provider_id="a-provider-of-the-past")
    gateway = seen(usage=FakeUsage([[small, of_another]]))
    body = await get(gateway, "/metrics/models")
    assert body.keys() == ModelMetricsListShape.__annotations__.keys()
    models = {entry["id"]: entry for entry in body["models"]}
    assert all(entry.keys() == ModelMetricsShape.__annotations__.keys() for entry in body["models"])
    assert set(models) == {"small", "strong", "local/tiny"}
    assert models["small"] == {
        "id": "small", "provider": "openai", "requests": 4, "attempts": 6, "success_rate": 0.75,
        "latency_ms": {"p50": 100, "p95": 200, "p99": 300}, "time_to_first_token_ms": {"p50": 10, "p95": 20, "p99": 30},
        "tokens": {"input": 100, "output": 50}, "cost_usd": 0.0015, "caller_cost_usd": 0.0, "breaker": "closed", "queue_depth": 1,
        "in_flight": 2, "availability": 0.75, "available": True, "not_available_reason": None,
        "last_check": "2023-11-14T22:13:20.000+00:00",
    }  # fmt: skip
    assert (models["strong"]["requests"], models["strong"]["success_rate"], models["strong"]["latency_ms"]) == (0, None, NOTHING)
    assert (models["strong"]["breaker"], models["strong"]["available"]) == ("open", False)
    assert (models["local/tiny"]["available"], models["local/tiny"]["not_available_reason"]) == (False, "it does not answer")
    assert (body["time_range"], body["from"], body["degraded"]) == ("24h", "2023-11-13T22:13:20.000+00:00", [])


async def test_without_the_ledger_figures_are_null_and_the_rest_is_there() -> None:
    body = await get(seen(usage=FakeUsage(error=NO_LEDGER)), "/metrics/models?time_range=1h")
    small = body["models"][0]
    assert (body["degraded"], body["time_range"]) == (["ledger"], "1h")
    assert [small[name] for name in ("requests", "attempts", "success_rate", "cost_usd")] == [None] * 4
    assert (small["latency_ms"], small["tokens"]) == (NOTHING, {"input": None, "output": None})
    assert (small["breaker"], small["in_flight"]) == ("closed", 2)


@pytest.mark.parametrize("path", ["/metrics/models", "/metrics/small", "/v1/providers"])
async def test_what_a_silent_executor_said_last_is_said_to_be_that(path: str) -> None:
    gateway = seen()
    assert (await get(gateway, path))["degraded"] == []
    gateway.world.are_conditions_stale = True
    assert (await get(gateway, path))["degraded"] == ["executor"]
    gateway.usage.error = NO_LEDGER
    assert (await get(gateway, path))["degraded"] == (["executor"] if path == "/v1/providers" else ["ledger", "executor"])


async def test_before_the_executor_was_heard_nothing_is_said_of_conditions() -> None:
    small = (await get(FakeGateway(), "/metrics/models"))["models"][0]
    assert [small[name] for name in ("breaker", "queue_depth", "in_flight", "available", "last_check")] == [None] * 5


async def test_one_model_may_hold_slashes_and_is_asked_for_alone() -> None:
    gateway = seen()
    body = await get(gateway, "/metrics/local/tiny?time_range=7d")
    assert body.keys() == OneModelMetricsShape.__annotations__.keys()
    assert (body["id"], body["requests"]) == ("local/tiny", 0)
    (query,) = gateway.usage.queries
    assert (query.model_id, query.end_time_s - query.start_time_s) == ("local/tiny", 604_800)


@pytest.mark.parametrize("name", ["nothing", "small/x", "Small", "%2e%2e/small", "../../etc"])
async def test_an_unknown_model_has_no_figures(name: str) -> None:
    status, code, _ = await refused(seen(), f"/metrics/{name}")
    assert (status, code) in {(404, "model_not_found"), (404, "route_not_found")}


async def test_time_is_cut_into_whole_points_and_gaps_are_shown() -> None:
    first = NOW_S // 60 * 60 - 3_600
    row = replace(ROW, bucket_start_s=first + 60, model_id="small", provider_id="openai")
    gateway = seen(usage=FakeUsage([[row], [replace(ROW, request_count=9)]]))
    body = await get(gateway, "/v1/metrics?group_by=model&model=small")
    assert body.keys() == MetricsShape.__annotations__.keys()
    (series,) = body["series"]
    assert series.keys() == SeriesShape.__annotations__.keys()
    assert (series["key"], series["provider"], len(series["points"])) == ("small", "openai", 61)
    assert all(point.keys() == PointShape.__annotations__.keys() for point in series["points"])
    assert [point["requests"] for point in series["points"][:3]] == [0, 4, 0]
    assert series["points"][1]["errors"] == 1
    assert (body["totals"].keys(), body["totals"]["requests"]) == (TotalsShape.__annotations__.keys(), 9)
    over_time, totals = gateway.usage.queries
    assert (over_time.group_by, over_time.bucket_s, over_time.model_id) == ((UsageDimension.TIME, UsageDimension.MODEL), 60, "small")
    assert (over_time.start_time_s, totals.group_by, totals.bucket_s) == (first, (), None)
    assert over_time.end_time_s == totals.end_time_s == NOW_S


async def test_without_groups_there_is_one_series_even_of_nothing() -> None:
    body = await get(seen(), "/v1/metrics?time_range=15m&group_by=")
    (series,) = body["series"]
    assert (body["group_by"], series["key"], body["totals"]["requests"], body["totals"]["latency_ms"]) == (None, "all", 0, NOTHING)
    assert {point["requests"] for point in series["points"]} == {0}


@pytest.mark.parametrize("name", ["15m", "1h", "24h", "7d", "30d"])
async def test_every_range_ends_with_the_point_of_now(name: str) -> None:
    body = await get(seen(), f"/v1/metrics?time_range={name}")
    points = body["series"][0]["points"]
    assert len(points) <= 62
    last_s = datetime.fromisoformat(points[-1]["time"]).timestamp()
    assert last_s <= NOW_S < last_s + body["bucket_s"]


async def test_usage_is_grouped_as_asked_and_says_who_pays() -> None:
    rows = [
        replace(ROW, model_id="small", provider_id="openai", category="coding", bucket_start_s=NOW_S // 86_400 * 86_400),
        replace(ROW, model_id="small", provider_id="openai", caller_cost_nanousd=500_000),
        replace(ROW, model_id="small", provider_id="openai", operator_cost_nanousd=0, caller_cost_nanousd=500_000),
    ]
    gateway = seen(usage=FakeUsage([rows]))
    body = await get(gateway, "/v1/usage?group_by=model,category,day&from=2023-10-31&to=2023-11-14")
    assert body.keys() == UsageShape.__annotations__.keys()
    assert all(row.keys() == UsageRowShape.__annotations__.keys() for row in body["rows"])
    assert body["rows"][0]["key"] == {"model": "small", "provider": "openai", "category": "coding", "day": "2023-11-14"}
    assert body["rows"][1]["key"]["category"] is None
    assert [row["billed_to"] for row in body["rows"]] == ["operator", "both", "caller"]
    assert (body["total_cost_usd"], body["total_caller_cost_usd"]) == (0.003, 0.001)
    (query,) = gateway.usage.queries
    assert query.group_by == (UsageDimension.MODEL, UsageDimension.CATEGORY, UsageDimension.TIME)
    assert (query.bucket_s, body["from"], body["to"]) == (86_400, "2023-10-31T00:00:00.000+00:00", "2023-11-14T00:00:00.000+00:00")
    assert query.end_time_s - query.start_time_s == 14 * 86_400


async def test_usage_without_bounds_is_that_of_thirty_days_until_now() -> None:
    gateway = seen()
    body = await get(gateway, "/v1/usage")
    (query,) = gateway.usage.queries
    assert (body["rows"], body["total_cost_usd"], query.group_by, query.bucket_s) == ([], 0.0, (), None)
    assert (query.start_time_s, query.end_time_s) == (NOW_S - 30 * 86_400, NOW_S)


async def test_usage_ends_now_at_the_latest() -> None:
    gateway = seen()
    body = await get(gateway, "/v1/usage?to=9999-12-31")
    (query,) = gateway.usage.queries
    assert (query.start_time_s, query.end_time_s) == (NOW_S - 30 * 86_400, NOW_S)
    assert body["to"] == "2023-11-14T22:13:20.000+00:00"


async def test_decisions_are_listed_in_short_with_a_place_to_go_on() -> None:
    record = DecisionRecord(
        decision_id="dec_1",
        request_id="req_1",
        create_time_s=NOW_S,
        account=Account("default", "ops"),
        category="coding",
        difficulty=None,
        policy="balanced",
        cause="ranked",
        model_id="small",
        catalog_version=CatalogVersion("e", 7),
        degraded=("classifier",),
        prompt_hash=b"",
        detail=b'{"classification":{"domain_confidence":0.875,"b":1}}',
    )
    gateway = seen(usage=FakeUsage(page=DecisionPage((record,), "next")))
    body = await get(gateway, "/v1/decisions?limit=1&cursor=here&request_id=req_1&project=default")
    assert body.keys() == DecisionListShape.__annotations__.keys()
    (decision,) = body["decisions"]
    assert decision.keys() == DecisionSummaryShape.__annotations__.keys()
    assert (decision["decision_id"], decision["key"], decision["degraded"], body["next_cursor"]) == ("dec_1", "ops", ["classifier"], "next")
    assert decision["confidence"] == 0.875
    assert gateway.usage.decision_queries == [DecisionQuery(1, "here", "req_1", "default")]


@pytest.mark.parametrize("detail", [b"{}", b'{"domain_confidence":null}', b'{"left_out": "domain_confidence"}'])
def test_a_prompt_that_was_not_classified_has_no_confidence(detail: bytes) -> None:
    assert confidence_of(detail) is None


async def test_the_confidence_listed_is_that_of_the_decision() -> None:
    gateway = seen()
    parts = gateway.parts()
    async with gateway.client(parts) as client:
        made = (await client.post("/route", json={"prompt": "hello", "mode": "recommend"})).json()
    record = await parts.book.find_record(made["decision_id"], Account(), Deadline.after(5))
    assert confidence_of(record.detail) == made["classification"]["domain_confidence"]


async def test_providers_show_the_worst_of_their_circuits_and_what_waits() -> None:
    body = await get(seen(), "/v1/providers")
    assert body.keys() == ProviderListShape.__annotations__.keys()
    providers = {entry["id"]: entry for entry in body["providers"]}
    assert all(entry.keys() == ProviderShape.__annotations__.keys() for entry in body["providers"])
    openai = providers["openai"]
    assert (openai["breaker"], openai["in_flight"], openai["queue_depth"], openai["location"]) == ("open", 2, 1, "cloud")
    assert (openai["limits"], openai["cooling_until"], openai["last_error_code"]) == (None, None, None)
    assert (providers["ollama"]["callable"], providers["ollama"]["not_callable_reason"]) == (False, "it does not answer")
    assert (providers["unused"]["models"], providers["unused"]["breaker"], providers["unused"]["location"]) == ([], None, None)


REFUSALS = [
    ("/metrics/models?time_range=2h", "time_range"),
    ("/metrics/small?time_range=-1h", "time_range"),
    ("/v1/metrics?time_range=1y", "time_range"),
    ("/v1/metrics?group_by=model,key", "group_by"),
    ("/v1/metrics?model=a%20b", "model"),
    ("/v1/usage?group_by=hour", "group_by"),
    ("/v1/usage?from=soon", "from"),
    ("/v1/usage?to=2023-02-30", "to"),
    ("/v1/usage?from=2023-11-02&to=2023-11-02", "from"),
    ("/v1/usage?from=2030-01-01", "from"),
    ("/v1/usage?from=2030-01-01&to=2031-01-01", "from"),
    ("/v1/decisions?limit=1001", "limit"),
    ("/v1/decisions?limit=-1", "limit"),
    ("/v1/decisions?cursor=%F0%9F%98%80", "cursor"),
    ("/v1/decisions?project=' OR 1=1 --", "project"),
]


@pytest.mark.parametrize(("path", "param"), REFUSALS, ids=[path for path, _ in REFUSALS])
async def test_a_bad_parameter_is_named(path: str, param: str) -> None:
    assert await refused(seen(), path) == (400, "invalid_value", param)


@pytest.mark.parametrize("path", ["/metrics/models", "/v1/metrics", "/v1/usage", "/v1/decisions", "/metrics/small"])
async def test_an_unknown_parameter_is_no_silent_one(path: str) -> None:
    status, code, _ = await refused(seen(), f"{path}?canary=1")
    assert (status, code) == (400, "unknown_field")


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/usage", "/v1/decisions"])
async def test_where_there_is_nothing_to_show_without_the_ledger_it_says_so(path: str) -> None:
    async with seen(usage=FakeUsage(error=NO_LEDGER)).client() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "dependency_down")
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("1", "true")
