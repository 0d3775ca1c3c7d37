"""What the REST facades of services share: a thin HTTP way into an engine that is served over gRPC too."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends

from pointsman.kit.health_routes import health_routes
from pointsman.kit.http_access import ServiceAccess
from pointsman.kit.http_application import Application, docs_routes
from pointsman.kit.http_middleware import EdgeMiddleware
from pointsman.kit.http_server import RunningHttpServer, serve_http
from pointsman.kit.logging import Logger
from pointsman.kit.openapi import Schemas, schemas_of
from pointsman.kit.probes import metrics_route
from pointsman.kit.telemetry import Telemetry

MAX_BODY_BYTES = 4 << 20  # as the gateway takes


def facade_app(
    *,
    title: str,
    version: str,
    description: str,
    telemetry: Telemetry,
    access: ServiceAccess,
    is_ready: Callable[[], bool],
    schemas: Callable[[], Schemas] = schemas_of,
) -> Application:
    """An application with health, metrics and description; a router that is included asks for the service token.

    Read bodies with `json_body.read_object`; raise ServiceError. schemas: see `openapi.schemas_of`.
    """
    app = Application(title=title, version=version, description=description, schemas=schemas, dependencies=[Depends(access.authenticate)])
    app.router.routes.extend([*health_routes(is_ready), metrics_route(telemetry, access), *docs_routes(app, access.authenticate_reader)])
    return app


@asynccontextmanager
async def serve_facade(
    app: Application, *, host: str, port: int, drain_s: float, telemetry: Telemetry, log: Logger, max_body_bytes: int = MAX_BODY_BYTES
) -> AsyncIterator[RunningHttpServer]:
    """Serve it behind the edge until the context is left. Raises AddressInUse where the port is taken."""
    edge = EdgeMiddleware(app, max_body_bytes=max_body_bytes, log=log, telemetry=telemetry)
    async with serve_http(edge, host=host, port=port, drain_s=drain_s, log=log, telemetry=telemetry) as server:
        yield server
