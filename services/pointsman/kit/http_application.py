"""A FastAPI application as all our HTTP APIs are: errors in one shape, a description of our own, nothing else around the routes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.params import Depends
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.http_errors import UNKNOWN_STATUS, from_http_status
from pointsman.kit.json_body import JSON_MEDIA_TYPE
from pointsman.kit.json_loader import dump_json
from pointsman.kit.metrics import HTTP_METHODS
from pointsman.kit.openapi import Schemas, docs_page

Guard: TypeAlias = Callable[[Request], Awaitable[object]]


class Application(FastAPI):
    """FastAPI without its own last resort: what no handler takes reaches kit's edge, which answers in our shape and logs."""

    def __init__(
        self, *, title: str, version: str, description: str, schemas: Callable[[], Schemas], dependencies: Sequence[Depends] = ()
    ) -> None:
        """schemas: of all bodies and answers, by name; made when first asked for. dependencies: of every route that is included."""
        self._schemas = schemas
        super().__init__(
            title=title,
            version=version,
            description=description,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,
            dependencies=list(dependencies),
            exception_handlers={HTTPException: refuse_by_status, RequestValidationError: refuse_parameters},
        )

    def build_middleware_stack(self) -> ASGIApp:
        """The exception handlers, and nothing else, around the routes."""
        return ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)

    def openapi(self) -> dict[str, Any]:
        """The schema, with our own shapes."""
        if self.openapi_schema is None:
            self.openapi_schema = {**super().openapi(), "components": {"schemas": self._schemas()}}
        return self.openapi_schema


def docs_routes(app: Application, *guards: Guard) -> list[BaseRoute]:
    """`/openapi.json` and `/docs`, plain routes as the health's are. guards: raise where the caller may not read them."""

    async def schema(request: Request) -> Response:
        await pass_all(guards, request)
        return Response(dump_json(app.openapi()), media_type=JSON_MEDIA_TYPE)

    async def docs(request: Request) -> Response:
        await pass_all(guards, request)
        return HTMLResponse(docs_page(app.openapi()))

    return [Route("/openapi.json", schema, methods=["GET"]), Route("/docs", docs, methods=["GET"])]


async def pass_all(guards: Sequence[Guard], request: Request) -> None:
    """Ask each of them."""
    for guard in guards:
        await guard(request)


async def refuse_by_status(request: Request, error: Exception) -> Response:
    """Raise the failure that stands for a status that the framework raised."""
    status = error.status_code if isinstance(error, HTTPException) else UNKNOWN_STATUS
    raise from_http_status(status, allowed_methods=methods_of(request)) from error


async def refuse_parameters(_request: Request, error: Exception) -> Response:
    """Raise the failure of a parameter in the address; what was sent is not repeated."""
    raise InvalidArgument("invalid_value", "the address has a parameter that cannot be taken") from error


def methods_of(request: Request) -> list[str]:
    """The methods that the request's path takes. The framework names those of the first route with that path alone."""
    scope, routes = request.scope, request.app.routes
    return [
        method for method in sorted(HTTP_METHODS) if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
