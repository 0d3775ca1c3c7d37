"""Routes that report: what is there, how it is, what was used."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pointsman.gateway.ports import Account
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.inference.kept_decisions import decision_answer
from pointsman.gateway.rest.inference.orders import asked_timeout_s
from pointsman.gateway.rest.inference.running import Engine, time_allowed
from pointsman.gateway.rest.openapi import answer_with, parameter
from pointsman.gateway.rest.reports.decision_list import MAX_PAGE, decision_list
from pointsman.gateway.rest.reports.health_report import health_report
from pointsman.gateway.rest.reports.model_list import model_list, one_model
from pointsman.gateway.rest.reports.model_metrics import all_model_metrics, one_model_metrics
from pointsman.gateway.rest.reports.parameters import TIME_RANGES
from pointsman.gateway.rest.reports.provider_list import provider_list
from pointsman.gateway.rest.reports.report_shapes import RootShape
from pointsman.gateway.rest.reports.sources import Reports
from pointsman.gateway.rest.reports.usage_reports import GROUPS, USAGE_GROUPS, metrics_over_time, usage
from pointsman.kit.http_application import pass_all
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.json_body import JSON_MEDIA_TYPE
from pointsman.kit.json_loader import dump_json
from pointsman.kit.telemetry import render_metrics

NAME = "pointsman"
METRICS_PATH = "/metrics"

TIME_RANGE = parameter("time_range", f"Stretch of time that ends now: {', '.join(TIME_RANGES)}", enum=list(TIME_RANGES))


def metrics_route(reports: Reports, hosts: TrustedHosts, access: Access) -> BaseRoute:
    """`/metrics` as Prometheus reads it, a plain route as the health's are: open on loopback."""

    async def metrics(request: Request) -> Response:
        await pass_all((hosts.check_request, access.authenticate_reader), request)
        body, content_type = render_metrics(reports.telemetry)
        return Response(body, headers={"content-type": content_type})

    return Route(METRICS_PATH, metrics, methods=["GET"])


def root(reports: Reports, version: str) -> RootShape:
    """Where to go on."""
    return {
        "name": NAME,
        "version": version,
        "links": {
            "docs": "/docs",
            "openapi": "/openapi.json",
            "health": "/v1/health",
            "models": "/v1/models",
            "metrics": "/metrics/models",
            "dashboard": reports.dashboard_url,
        },
    }


def overview_router(reports: Reports, version: str) -> APIRouter:
    """What is there, and how it is."""
    router = APIRouter()
    world = reports.world

    @router.get("/", response_class=Response, responses=answer_with("Where to go on", "RootShape"))
    async def start() -> Response:
        """Name, version and links."""
        return json_answer(root(reports, version))

    @router.get("/models", response_class=Response, responses=answer_with("All models", "ModelListShape"))
    @router.get("/v1/models", response_class=Response, responses=answer_with("All models", "ModelListShape"))
    async def models() -> Response:
        """All names that `model` takes, and the catalogue's models."""
        return json_answer(model_list(world.require_catalog(), created_s=world.catalog_create_time_s, conditions=world.conditions))

    @router.get("/v1/models/{model_id:path}", response_class=Response, responses=answer_with("One model", "ModelShape"))
    async def model(model_id: str) -> Response:
        """One of those names; it may hold slashes."""
        return json_answer(one_model(world.require_catalog(), model_id, created_s=world.catalog_create_time_s))

    @router.get("/v1/health", response_class=Response, responses=answer_with("How all of it is", "HealthShape"))
    async def health() -> Response:
        """Models that can be called and why others cannot, services and their processes, configuration.

        Every service is asked at once and given half a second; one that does not answer is part of the report.
        """
        return json_answer(await health_report(reports))

    @router.get("/v1/providers", response_class=Response, responses=answer_with("All providers", "ProviderListShape"))
    async def providers() -> Response:
        """Which providers can be called, and how they are doing: circuits, calls open, calls that wait."""
        return json_answer(provider_list(world))

    return router


def usage_router(reports: Reports) -> APIRouter:
    """What was used."""
    router = APIRouter()

    @router.get(
        "/metrics/models",
        response_class=Response,
        openapi_extra={"parameters": [TIME_RANGE]},
        responses=answer_with("All models", "ModelMetricsListShape"),
    )
    async def models(request: Request) -> Response:
        """Requests, success, latency, tokens and cost of every model of the catalogue over the last 24 hours, or as `time_range` says.

        Circuits, queues and calls open are those of now. With the ledger away the figures are null, and `degraded` says so.
        """
        return json_answer(await all_model_metrics(reports, request))

    @router.get(
        "/metrics/{model_id:path}",
        response_class=Response,
        openapi_extra={"parameters": [TIME_RANGE]},
        responses=answer_with("One model", "OneModelMetricsShape"),
    )
    async def model(request: Request, model_id: str) -> Response:
        """The same of one model; its id may hold slashes. Default: the last 24 hours."""
        return json_answer(await one_model_metrics(reports, request, model_id))

    @router.get(
        "/v1/metrics",
        response_class=Response,
        openapi_extra={
            "parameters": [TIME_RANGE, parameter("model", "Of one model"), parameter("group_by", "A series for each", enum=list(GROUPS))]
        },
        responses=answer_with("Sums over time", "MetricsShape"),
    )
    async def metrics(request: Request) -> Response:
        """Requests, errors, cost and latency over the last hour, or as `time_range` says: a series per group, a point per `bucket_s`.

        The first point may begin before the range does, the last one is not over. Errors are attempts that a provider failed.
        """
        return json_answer(await metrics_over_time(reports, request))

    @router.get(
        "/v1/usage",
        response_class=Response,
        openapi_extra={"parameters": usage_parameters()},
        responses=answer_with("What was used", "UsageShape"),
    )
    async def usage_by_group(request: Request) -> Response:
        """Requests, tokens and cost by group over the last 30 days, or from `from` until before `to`. Days are those of UTC."""
        return json_answer(await usage(reports, request))

    return router


def decisions_router(reports: Reports, engine: Engine, access: Access) -> APIRouter:
    """What was decided."""
    router = APIRouter()

    @router.get(
        "/v1/decisions",
        response_class=Response,
        openapi_extra={"parameters": decision_parameters()},
        responses=answer_with("Decisions", "DecisionListShape"),
    )
    async def decisions(request: Request) -> Response:
        """Decisions, newest first; each is listed within a second."""
        return json_answer(await decision_list(reports, request))

    @router.get("/v1/decisions/{decision_id}", response_class=Response, responses=answer_with("The decision", "DecisionShape"))
    async def decision(request: Request, decision_id: str, account: Annotated[Account, Depends(access.authenticate)]) -> Response:
        """A decision as it was made, without the prompt; a stranger's is not found."""
        deadline = time_allowed(engine.limits, asked_timeout_s(request)).deadline()
        return json_answer(decision_answer(await engine.book.find_record(decision_id, account, deadline)))

    return router


def metrics_parameters() -> list[dict[str, Any]]:
    """Those of `GET /v1/metrics`."""
    by = parameter("group_by", "What there is a series for each of; default: one of all", enum=list(GROUPS))
    return [TIME_RANGE, parameter("model", "Of one model"), by]


def usage_parameters() -> list[dict[str, Any]]:
    """Those of `GET /v1/usage`."""
    return [
        parameter("group_by", f"Any of {', '.join(USAGE_GROUPS)}, separated by commas; model brings its provider"),
        parameter("from", "A day or a time by ISO 8601, UTC where no zone is named; default: 30 days before the end"),
        parameter("to", "The same; default, and at the latest: now"),
    ]


def decision_parameters() -> list[dict[str, Any]]:
    """Those of `GET /v1/decisions`."""
    return [
        parameter("limit", f"Most to answer, 1 to {MAX_PAGE}; default 50; an answer may hold fewer and still have a next one"),
        parameter("cursor", "`next_cursor` of the answer before, with the other parameters as they were"),
        parameter("request_id", "Of one request"),
        parameter("project", "Of one project"),
    ]


def json_answer(value: object) -> Response:
    """The value as JSON."""
    return Response(dump_json(value), media_type=JSON_MEDIA_TYPE)
