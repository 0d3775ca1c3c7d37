"""`POST /v1/feedback`: what callers thought of answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from pointsman.gateway.ports import Account
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.feedback.feedback_body import FeedbackBody, FeedbackShape, read_feedback
from pointsman.gateway.rest.inference.orders import asked_timeout_s
from pointsman.gateway.rest.inference.routes import TIMEOUT
from pointsman.gateway.rest.inference.running import Engine, time_allowed
from pointsman.gateway.rest.openapi import answer_with, body_with, parameter
from pointsman.kit.json_body import JSON_MEDIA_TYPE
from pointsman.kit.json_loader import dump_json


def feedback_router(engine: Engine, access: Access) -> APIRouter:
    """The route by which callers judge."""
    router = APIRouter()

    @router.post(
        "/v1/feedback", response_class=Response, openapi_extra=described_body(), responses=answer_with("It is on disk", "FeedbackShape")
    )
    async def feedback(request: Request, account: Annotated[Account, Depends(access.authenticate)]) -> Response:
        """Judge an answer, in a JSON body or in the parameters of the address.

        All of it is kept; of one answer and metric the latest counts. Models are ranked by it, within bounds: 30 judged answers of
        a category weigh as much as what the catalogue says. With the ledger away it is refused, and has to be sent again.
        """
        deadline = time_allowed(engine.limits, asked_timeout_s(request)).deadline()
        judged = await read_feedback(request, account)
        await engine.feedback.record(judged, deadline)
        answer: FeedbackShape = {"id": judged.feedback_id, "recorded": True}
        return Response(dump_json(answer), media_type=JSON_MEDIA_TYPE)

    return router


def described_body() -> dict[str, Any]:
    """The body, or the same fields in the address."""
    fields = [parameter(name, field.description or "") for name, field in FeedbackBody.model_fields.items()]
    extra = body_with("FeedbackBody", TIMEOUT, *fields)
    extra["requestBody"]["required"] = False
    return extra
