"""The gateway's HTTP application: every route but health asks who calls, and under which name."""

from fastapi import Depends

from pointsman.gateway.rest import openapi
from pointsman.gateway.rest.answer_facts import AnswerFacts
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.feedback.routes import feedback_router
from pointsman.gateway.rest.inference.routes import inference_router
from pointsman.gateway.rest.inference.running import Engine
from pointsman.gateway.rest.reports.routes import decisions_router, metrics_route, overview_router, usage_router
from pointsman.gateway.rest.reports.sources import Reports
from pointsman.kit.health_routes import health_routes
from pointsman.kit.http_application import Application, docs_routes
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.http_middleware import EdgeMiddleware
from pointsman.kit.logging import Logger

MAX_BODY_BYTES = 4 << 20
DESCRIPTION = (
    "Sorts every prompt onto the right large language model. Where the operator has set a key, requests show it as"
    " Authorization: Bearer, x-api-key or api-key. Answers tell how they came to be in headers: x-request-id, and with"
    " x-pointsman- before them decision-id, model, provider, policy, category, confidence, cause, fallbacks (calls that failed before),"
    " cache (hit where the prompt had been classified before), cost-usd, overhead-ms (our own share of the time), degraded,"
    " provisional (true where a stream began before its content: the last chunk or `done` names what served)."
)


def build_app(engine: Engine, reports: Reports, *, access: Access, hosts: TrustedHosts, version: str, log: Logger) -> AnswerFacts:
    """The whole application behind the edge."""
    app = Application(
        title="Pointsman",
        version=version,
        description=DESCRIPTION,
        schemas=openapi.schemas,
        dependencies=[Depends(hosts.check_request), Depends(access.authenticate)],
    )
    app.router.routes.extend(health_routes(lambda: engine.world.is_ready, is_draining=lambda: engine.world.is_draining))
    app.router.routes.extend(docs_routes(app, hosts.check_request, access.authenticate_reader))
    app.router.routes.append(metrics_route(reports, hosts, access))
    app.include_router(inference_router(engine, access))
    app.include_router(feedback_router(engine, access))
    app.include_router(overview_router(reports, version))
    app.include_router(usage_router(reports))
    app.include_router(decisions_router(reports, engine, access))
    return AnswerFacts(EdgeMiddleware(app, max_body_bytes=MAX_BODY_BYTES, log=log, telemetry=reports.telemetry))
