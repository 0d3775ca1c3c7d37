"""The gateway's HTTP application: every route but health asks who calls, and under which name."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from pointsman.gateway.ports import Account
from pointsman.gateway.rest import openapi
from pointsman.gateway.rest.answer_facts import AnswerFacts
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.chat_endpoint import answer_chat
from pointsman.gateway.rest.openapi import answer_with, body_with
from pointsman.gateway.rest.report_routes import decisions_router, metrics_route, overview_router, usage_router
from pointsman.gateway.rest.reports import Reports
from pointsman.gateway.rest.route_endpoint import answer_route
from pointsman.gateway.rest.running import Engine
from pointsman.gateway.rest.trusted_hosts import TrustedHosts
from pointsman.kit.health_routes import health_routes
from pointsman.kit.http_application import Application, docs_routes
from pointsman.kit.http_middleware import EdgeMiddleware
from pointsman.kit.logging import Logger

MAX_BODY_BYTES = 4 << 20
DESCRIPTION = (
    "Sorts every prompt onto the right large language model. Answers tell how they came to be in headers: x-request-id, and with"
    " x-pointsman- before them decision-id, model, provider, policy, category, confidence, cause, fallbacks (calls that failed before),"
    " cache (hit where the prompt had been classified before), cost-usd, overhead-ms (our own share of the time), degraded."
)


def build_app(engine: Engine, reports: Reports, *, access: Access, hosts: TrustedHosts, version: str, log: Logger) -> AnswerFacts:
    """The whole application behind the edge."""
    app = Application(
        title="Pointsman",
        version=version,
        description=DESCRIPTION,
        schemas=openapi.schemas,
        dependencies=[Depends(hosts.check), Depends(access.authenticate)],
    )
    app.router.routes.extend(health_routes(lambda: engine.world.is_ready, is_draining=lambda: engine.world.is_draining))
    app.router.routes.extend(docs_routes(app, hosts.check, access.authenticate_reader))
    app.router.routes.append(metrics_route(reports, hosts, access))
    app.include_router(_inference_router(engine, access))
    app.include_router(overview_router(reports, version))
    app.include_router(usage_router(reports))
    app.include_router(decisions_router(reports, engine, access))
    return AnswerFacts(EdgeMiddleware(app, max_body_bytes=MAX_BODY_BYTES, log=log, telemetry=reports.telemetry))


def _inference_router(engine: Engine, access: Access) -> APIRouter:
    router = APIRouter()
    caller = Depends(access.authenticate)

    @router.post(
        "/route",
        response_class=Response,
        openapi_extra=body_with("RouteBody"),
        responses=answer_with("The decision; in mode generate the answer too", "RecommendationShape", "GenerationShape", streams=True),
    )
    async def route(request: Request, account: Annotated[Account, caller]) -> Response:
        """Decide which model answers best for its price and, in mode generate, answer."""
        return await answer_route(engine, request, account)

    @router.post(
        "/v1/chat/completions",
        response_class=Response,
        openapi_extra=body_with("ChatRequest"),
        responses=answer_with("OpenAI's chat completion; `model` is the model that served", example="ChatCompletion", streams=True),
    )
    async def chat_completions(request: Request, account: Annotated[Account, caller]) -> Response:
        """OpenAI's chat completions over all models of the catalogue."""
        return await answer_chat(engine, request, account)

    return router
