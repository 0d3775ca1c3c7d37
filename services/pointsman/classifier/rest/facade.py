"""The classifier over REST: the same engine and the same limits as over gRPC."""

import time
from collections.abc import Callable
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pointsman.classifier.core.fusion import Strategy
from pointsman.classifier.engine.answering import Answering
from pointsman.classifier.engine.limits import require_batch, turn_of
from pointsman.classifier.rest.answers import BatchShape, ClassificationShape, InfoShape, classification, info
from pointsman.classifier.rest.bodies import ClassifyBatchBody, ClassifyBody, StrategyName, parse
from pointsman.kit.http_access import ServiceAccess
from pointsman.kit.http_application import Application
from pointsman.kit.http_facade import facade_app
from pointsman.kit.json_body import JSON_MEDIA_TYPE, read_object
from pointsman.kit.json_loader import dump_json
from pointsman.kit.openapi import answer_of, body_of, schemas_of
from pointsman.kit.telemetry import Telemetry

# What a gRPC call without a deadline gets.
DEADLINE_S = 5.0


def build_facade(
    answering: Answering, *, version: str, telemetry: Telemetry, access: ServiceAccess, is_ready: Callable[[], bool]
) -> Application:
    """The application; `http_facade.serve_facade` serves it."""
    app = facade_app(
        title="Pointsman classifier",
        version=version,
        description="Tells what kind of work a prompt is, and how hard.",
        telemetry=telemetry,
        access=access,
        is_ready=is_ready,
        schemas=partial(schemas_of, bodies=(ClassifyBody, ClassifyBatchBody), answers=(ClassificationShape, BatchShape, InfoShape)),
    )
    app.include_router(classify_routes(answering))
    app.include_router(info_route(answering, service=telemetry.service, version=version))
    return app


def classify_routes(answering: Answering) -> APIRouter:
    """One prompt, and several at once."""
    router = APIRouter()

    @router.post(
        "/classify",
        response_class=Response,
        openapi_extra=body_of(ClassifyBody.__name__),
        responses=answer_of("The judgement", ClassificationShape.__name__),
    )
    async def classify(request: Request) -> Response:
        """Classify one prompt."""
        body = parse(ClassifyBody, await read_object(request))
        turn = turn_of(body.prompt, field="prompt")
        answer = await answering.classify(turn, strategy_of(body.strategy), deadline_s=time.monotonic() + DEADLINE_S)
        return json_answer(classification(answer))

    @router.post(
        "/classify/batch",
        response_class=Response,
        openapi_extra=body_of(ClassifyBatchBody.__name__),
        responses=answer_of("The judgements, in the order of the prompts; all or none", BatchShape.__name__),
    )
    async def classify_batch(request: Request) -> Response:
        """Classify up to 64 prompts."""
        body = parse(ClassifyBatchBody, await read_object(request))
        turns = [turn_of(prompt, field=f"prompts[{index}]") for index, prompt in enumerate(require_batch(body.prompts))]
        answers = await answering.classify_all(turns, strategy_of(body.strategy), deadline_s=time.monotonic() + DEADLINE_S)
        return json_answer({"results": [classification(answer) for answer in answers]})

    return router


def info_route(answering: Answering, *, service: str, version: str) -> APIRouter:
    """What the service is made of."""
    router = APIRouter()

    @router.get("/info", response_class=Response, responses=answer_of("What the classifier is made of", InfoShape.__name__))
    async def read_info() -> Response:
        """Tell model, categories and methods."""
        return json_answer(info(answering.engine, service=service, version=version))

    return router


def strategy_of(name: StrategyName | None) -> Strategy:
    """The strategy asked for; hybrid where none is named."""
    return Strategy.HYBRID if name is None else Strategy(name)


def json_answer(value: object) -> Response:
    """An answer of 200."""
    return Response(dump_json(value), media_type=JSON_MEDIA_TYPE)
