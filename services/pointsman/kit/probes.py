"""The small HTTP port of a service that is called over gRPC alone: metrics for a scraper, liveness and readiness for an orchestrator."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router

from pointsman.kit.health_routes import health_routes
from pointsman.kit.http_access import ServiceAccess
from pointsman.kit.http_errors import UNKNOWN_STATUS, from_http_status
from pointsman.kit.http_middleware import App, EdgeMiddleware, Receive, Scope, Send
from pointsman.kit.http_server import serve_http
from pointsman.kit.logging import Logger
from pointsman.kit.telemetry import Telemetry, render_metrics

MAX_BODY_BYTES = 1 << 10  # no route takes one
DRAIN_S = 1.0  # a scrape takes milliseconds


@asynccontextmanager
async def serve_probes(
    *, host: str, port: int, telemetry: Telemetry, is_ready: Callable[[], bool], service_token: SecretStr | None, log: Logger
) -> AsyncIterator[str]:
    """Serve `/metrics`, `/livez` and `/readyz` until the context is left; yields the bound address.

    `/metrics` is open on loopback, elsewhere it wants the service token. Raises AddressInUse where the port is taken.
    """
    routes = [*health_routes(is_ready), metrics_route(telemetry, ServiceAccess(host, service_token))]
    app = EdgeMiddleware(with_errors(Router(routes, redirect_slashes=False)), max_body_bytes=MAX_BODY_BYTES, log=log, telemetry=telemetry)
    async with serve_http(app, host=host, port=port, drain_s=DRAIN_S, log=log, telemetry=telemetry) as server:
        yield server.address


def metrics_route(telemetry: Telemetry, access: ServiceAccess) -> BaseRoute:
    """`/metrics`, as Prometheus reads it."""

    async def metrics(request: Request) -> Response:
        await access.authenticate_reader(request)
        body, content_type = render_metrics(telemetry)
        return Response(body, headers={"content-type": content_type})

    return Route("/metrics", metrics, methods=["GET"])


def with_errors(router: Router) -> App:
    """The routes, whose refusals are ours."""
    handled = ExceptionMiddleware(router, handlers={HTTPException: refuse})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = router  # else the routes answer some refusals by themselves
        await handled(scope, receive, send)

    return app


async def refuse(_request: Request, error: Exception) -> Response:
    """Raise the failure that stands for a status that the framework raised. All routes here take GET."""
    status = error.status_code if isinstance(error, HTTPException) else UNKNOWN_STATUS
    raise from_http_status(status, allowed_methods=["GET", "HEAD"]) from error
