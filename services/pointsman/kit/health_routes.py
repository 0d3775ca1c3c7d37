"""Health routes: always open, and they say nothing else."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pointsman.kit.errors import Unavailable
from pointsman.kit.json_body import JSON_MEDIA_TYPE
from pointsman.kit.json_loader import dump_json
from pointsman.kit.request_drain import server_is_draining

ALIVE = dump_json({"ok": True})
HEALTHY = dump_json({"status": "ok"})


def health_routes(is_ready: Callable[[], bool], *, is_draining: Callable[[], bool] = server_is_draining) -> list[BaseRoute]:
    """Plain routes: the dependencies of an API's routes, such as authentication, do not apply to them.

    is_draining: by default that of the server that serves them.
    """

    async def live(_request: Request) -> Response:
        return Response(ALIVE, media_type=JSON_MEDIA_TYPE)

    async def ready(_request: Request) -> Response:
        if is_draining():
            raise Unavailable("shutting_down", "not ready")
        if not is_ready():
            raise Unavailable("dependency_down", "not ready")
        return Response(ALIVE, media_type=JSON_MEDIA_TYPE)

    async def healthy(_request: Request) -> Response:
        return Response(HEALTHY, media_type=JSON_MEDIA_TYPE)

    handlers = {"/livez": live, "/readyz": ready, "/healthz": live, "/health": healthy}
    return [Route(path, handler, methods=["GET"]) for path, handler in handlers.items()]
