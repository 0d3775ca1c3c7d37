"""The gateway's HTTP application: every route but health asks who calls, and under which name."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from pointsman.gateway.ports import Account
from pointsman.gateway.rest import openapi
from pointsman.gateway.rest.answers import decision_answer
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.chat_endpoint import answer_chat
from pointsman.gateway.rest.models_endpoint import model_list, one_model
from pointsman.gateway.rest.orders import asked_timeout_s
from pointsman.gateway.rest.route_endpoint import answer_route
from pointsman.gateway.rest.running import Engine, time_allowed
from pointsman.gateway.rest.trusted_hosts import TrustedHosts
from pointsman.kit.health_routes import health_routes
from pointsman.kit.http_application import Application, docs_routes
from pointsman.kit.http_middleware import EdgeMiddleware
from pointsman.kit.json_body import JSON_MEDIA_TYPE
from pointsman.kit.json_loader import dump_json
from pointsman.kit.logging import Logger
from pointsman.kit.openapi import answer_of, body_of

MAX_BODY_BYTES = 4 << 20


def build_app(engine: Engine, *, access: Access, hosts: TrustedHosts, version: str, log: Logger) -> EdgeMiddleware:
    """The whole application behind the edge."""
    app = Application(
        title="Pointsman",
        version=version,
        description="Sorts every prompt onto the right large language model.",
        schemas=openapi.schemas,
        dependencies=[Depends(hosts.check), Depends(access.authenticate)],
    )
    app.router.routes.extend(health_routes(lambda: engine.world.is_ready, is_draining=lambda: engine.world.is_draining))
    app.router.routes.extend(docs_routes(app, hosts.check, access.authenticate))
    app.include_router(_inference_router(engine, access))
    app.include_router(_lookup_router(engine, access))
    return EdgeMiddleware(app, max_body_bytes=MAX_BODY_BYTES, log=log)


def _inference_router(engine: Engine, access: Access) -> APIRouter:
    router = APIRouter()
    caller = Depends(access.authenticate)

    @router.post(
        "/route",
        response_class=Response,
        openapi_extra=body_of("RouteBody"),
        responses=answer_of("The decision; in mode generate the answer too", "RecommendationShape", "GenerationShape", streams=True),
    )
    async def route(request: Request, account: Annotated[Account, caller]) -> Response:
        """Decide which model answers best for its price and, in mode generate, answer."""
        return await answer_route(engine, request, account)

    @router.post(
        "/v1/chat/completions",
        response_class=Response,
        openapi_extra=body_of("ChatRequest"),
        responses=answer_of("OpenAI's chat completion; `model` is the model that served", streams=True),
    )
    async def chat_completions(request: Request, account: Annotated[Account, caller]) -> Response:
        """OpenAI's chat completions over all models of the catalogue."""
        return await answer_chat(engine, request, account)

    return router


def _lookup_router(engine: Engine, access: Access) -> APIRouter:
    router = APIRouter()
    world = engine.world

    @router.get("/v1/models", response_class=Response, responses=answer_of("All models", "ModelListShape"))
    async def models() -> Response:
        """All names that `model` takes, and the catalogue's models."""
        answer = model_list(world.require_catalog(), created_s=world.catalog_create_time_s, conditions=world.conditions)
        return Response(dump_json(answer), media_type=JSON_MEDIA_TYPE)

    @router.get("/v1/models/{model_id:path}", response_class=Response, responses=answer_of("One model", "ModelShape"))
    async def model(model_id: str) -> Response:
        """One of those names; it may hold slashes."""
        answer = one_model(world.require_catalog(), model_id, created_s=world.catalog_create_time_s)
        return Response(dump_json(answer), media_type=JSON_MEDIA_TYPE)

    @router.get("/v1/decisions/{decision_id}", response_class=Response, responses=answer_of("The decision", "DecisionShape"))
    async def decision(request: Request, decision_id: str, account: Annotated[Account, Depends(access.authenticate)]) -> Response:
        """A decision as it was made, without the prompt; a stranger's is not found."""
        deadline = time_allowed(engine.limits, asked_timeout_s(request)).deadline()
        record = await engine.book.find_record(decision_id, account, deadline)
        return Response(dump_json(decision_answer(record)), media_type=JSON_MEDIA_TYPE)

    return router
