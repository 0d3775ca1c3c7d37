"""The gateway's HTTP application: every route but health asks who calls, and under which name."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from pointsman.gateway.ports import Account
from pointsman.gateway.rest import openapi
from pointsman.gateway.rest.answers import decision_answer
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.chat_endpoint import answer_chat
from pointsman.gateway.rest.health import health_routes
from pointsman.gateway.rest.json_body import JSON_MEDIA_TYPE
from pointsman.gateway.rest.models_endpoint import model_list, one_model
from pointsman.gateway.rest.orders import asked_timeout_s
from pointsman.gateway.rest.route_endpoint import answer_route
from pointsman.gateway.rest.running import Engine, time_allowed
from pointsman.gateway.rest.trusted_hosts import TrustedHosts
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.http_errors import from_http_status
from pointsman.kit.http_middleware import EdgeMiddleware
from pointsman.kit.json_loader import dump_json
from pointsman.kit.logging import Logger

MAX_BODY_BYTES = 4 << 20


class Application(FastAPI):
    """FastAPI without its own last resort: what no handler takes reaches kit's edge, which answers in our shape and logs."""

    def build_middleware_stack(self) -> ASGIApp:
        """The exception handlers, and nothing else, around the routes."""
        return ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)

    def openapi(self) -> dict[str, Any]:
        """The schema, with our own shapes."""
        if self.openapi_schema is None:
            self.openapi_schema = {**super().openapi(), "components": {"schemas": openapi.components()}}
        return self.openapi_schema


def build_app(engine: Engine, *, access: Access, hosts: TrustedHosts, version: str, log: Logger) -> EdgeMiddleware:
    """The whole application behind the edge."""
    app = Application(
        title="Pointsman",
        version=version,
        description="Sorts every prompt onto the right large language model.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(hosts.check), Depends(access.authenticate)],
        exception_handlers={HTTPException: _refuse_by_status, RequestValidationError: _refuse_parameters},
    )
    app.router.routes.extend(health_routes(engine.world))
    app.include_router(_inference_router(engine, access))
    app.include_router(_lookup_router(engine))
    app.include_router(_docs_router(app))
    return EdgeMiddleware(app, max_body_bytes=MAX_BODY_BYTES, log=log)


def _inference_router(engine: Engine, access: Access) -> APIRouter:
    router = APIRouter()
    caller = Depends(access.authenticate)

    @router.post(
        "/route",
        response_class=Response,
        openapi_extra=openapi.body_of("RouteBody"),
        responses=openapi.answer_of(
            "The decision; in mode generate the answer too", "RecommendationShape", "GenerationShape", streams=True
        ),
    )
    async def route(request: Request, account: Annotated[Account, caller]) -> Response:
        """Decide which model answers best for its price and, in mode generate, answer."""
        return await answer_route(engine, request, account)

    @router.post(
        "/v1/chat/completions",
        response_class=Response,
        openapi_extra=openapi.body_of("ChatRequest"),
        responses=openapi.answer_of("OpenAI's chat completion; `model` is the model that served", streams=True),
    )
    async def chat_completions(request: Request, account: Annotated[Account, caller]) -> Response:
        """OpenAI's chat completions over all models of the catalogue."""
        return await answer_chat(engine, request, account)

    return router


def _lookup_router(engine: Engine) -> APIRouter:
    router = APIRouter()
    world = engine.world

    @router.get("/v1/models", response_class=Response, responses=openapi.answer_of("All models", "ModelListShape"))
    async def models() -> Response:
        """All names that `model` takes, and the catalogue's models."""
        answer = model_list(world.require_catalog(), created_s=world.catalog_create_time_s, conditions=world.conditions)
        return Response(dump_json(answer), media_type=JSON_MEDIA_TYPE)

    @router.get("/v1/models/{model_id:path}", response_class=Response, responses=openapi.answer_of("One model", "ModelShape"))
    async def model(model_id: str) -> Response:
        """One of those names; it may hold slashes."""
        answer = one_model(world.require_catalog(), model_id, created_s=world.catalog_create_time_s)
        return Response(dump_json(answer), media_type=JSON_MEDIA_TYPE)

    @router.get("/v1/decisions/{decision_id}", response_class=Response, responses=openapi.answer_of("The decision", "DecisionShape"))
    async def decision(request: Request, decision_id: str) -> Response:
        """A decision as it was made, without the prompt."""
        deadline = time_allowed(engine.limits, asked_timeout_s(request)).deadline()
        return Response(dump_json(decision_answer(await engine.book.find_record(decision_id, deadline))), media_type=JSON_MEDIA_TYPE)

    return router


def _docs_router(app: Application) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json", response_class=Response)
    async def schema() -> Response:
        return Response(dump_json(app.openapi()), media_type=JSON_MEDIA_TYPE)

    @router.get("/docs", response_class=HTMLResponse)
    async def docs() -> HTMLResponse:
        return HTMLResponse(openapi.docs_page(app.openapi()))

    return router


async def _refuse_by_status(_request: Request, error: Exception) -> Response:
    raise from_http_status(error.status_code if isinstance(error, HTTPException) else 400) from error


async def _refuse_parameters(_request: Request, error: Exception) -> Response:
    raise InvalidArgument("invalid_value", "the address has a parameter that cannot be taken") from error
