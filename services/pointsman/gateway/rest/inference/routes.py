"""Routes that decide and answer."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from pointsman.gateway.ports import Account
from pointsman.gateway.rest.authentication import CALLER_KEY_HEADER, Access
from pointsman.gateway.rest.inference.chat_endpoint import METADATA_HEADER, answer_chat
from pointsman.gateway.rest.inference.orders import TIMEOUT_HEADER
from pointsman.gateway.rest.inference.route_endpoint import answer_route
from pointsman.gateway.rest.inference.running import Engine
from pointsman.gateway.rest.openapi import answer_with, body_with, header

TIMEOUT = header(TIMEOUT_HEADER, "Seconds that the request may take, 1 to 600; default: as the settings say")
CALLER_KEY = header(CALLER_KEY_HEADER, "The caller's own key, for provider `openai` alone; never stored")
METADATA = header(METADATA_HEADER, "enabled: `pointsman_metadata` tells how the answer came to be, in streams before [DONE]")


def inference_router(engine: Engine, access: Access) -> APIRouter:
    """`POST /route` and OpenAI's API."""
    router = APIRouter()
    caller = Depends(access.authenticate)

    @router.post(
        "/route",
        response_class=Response,
        openapi_extra=body_with("RouteBody", TIMEOUT, CALLER_KEY),
        responses=answer_with("The decision; in mode generate the answer too", "RecommendationShape", "GenerationShape", streams=True),
    )
    async def route(request: Request, account: Annotated[Account, caller]) -> Response:
        """Decide which model answers best for its price and, in mode generate, answer."""
        return await answer_route(engine, request, account)

    @router.post(
        "/v1/chat/completions",
        response_class=Response,
        openapi_extra=body_with("ChatRequest", TIMEOUT, CALLER_KEY, METADATA),
        responses=answer_with("OpenAI's chat completion; `model` is the model that served", example="ChatCompletion", streams=True),
    )
    async def chat_completions(request: Request, account: Annotated[Account, caller]) -> Response:
        """OpenAI's chat completions over all models of the catalogue."""
        return await answer_chat(engine, request, account)

    return router
