"""What `POST /v1/feedback` takes, from its body or from its address: strict, unknown fields refused."""

import re
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from pointsman.gateway.outcome_ports import Feedback
from pointsman.gateway.ports import Account
from pointsman.gateway.rest.checks import refuse
from pointsman.gateway.rest.inference.route_models import Name, Probability, StrictModel, parse
from pointsman.gateway.rest.reports.parameters import Parameters
from pointsman.kit.ids import new_id
from pointsman.kit.json_body import JsonObject, read_object
from pointsman.kit.json_loader import JsonValue

MAX_COMMENT_CHARACTERS = 4_000
BEST_RATING = 5
WHOLE_NUMBER = re.compile(r"[0-9]{1,3}")
NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,20})?")
BOOLEANS = {"true": True, "false": False}

FeedbackId = Annotated[str, Field(pattern=r"^fbk_[A-Za-z0-9_-]{1,100}$")]
Metric = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s\x00-\x20\x7f-\x9f]+$")]


class FeedbackBody(StrictModel):
    """Body of `POST /v1/feedback`. Exactly one of request_id and decision_id is set, and exactly one of rating and value."""

    request_id: Name | None = Field(default=None, description="The request whose answer is judged")
    decision_id: Name | None = Field(
        default=None, description="The decision whose answer is judged; the latest, if it was run more than once"
    )
    rating: Annotated[int, Field(ge=1, le=BEST_RATING)] | None = Field(
        default=None, description="From 1 (bad) to 5 (good): counts as the value (rating - 1) / 4"
    )
    value: bool | Probability | None = Field(default=None, description="From 0 (bad) to 1 (good); false counts as 0, true as 1")
    metric: Metric | None = Field(default=None, description="What was judged, such as helpful; absent: the answer as a whole")
    feedback: Annotated[str, Field(max_length=MAX_COMMENT_CHARACTERS)] | None = Field(default=None, description="In your own words")
    feedback_id: FeedbackId | None = Field(default=None, description="A name of your own, fbk_…: the same feedback again is kept once")

    def to_feedback(self, account: Account) -> Feedback:
        """The same for the engine. Raises InvalidArgument where it is about nothing, or about two things."""
        if (self.request_id is None) == (self.decision_id is None):
            raise refuse("request_id", "exactly one of request_id and decision_id is asked for")
        return Feedback(
            feedback_id=self.feedback_id or new_id("fbk"),
            account=account,
            value=self._value(),
            request_id=self.request_id,
            decision_id=self.decision_id,
            metric=self.metric or "",
            comment=self.feedback or "",
        )

    def _value(self) -> float:
        if self.value is not None and self.rating is None:
            return float(self.value)
        if self.rating is not None and self.value is None:
            return (self.rating - 1) / (BEST_RATING - 1)
        raise refuse("value", "exactly one of rating and value is asked for")


class FeedbackShape(TypedDict):
    """Answer to `POST /v1/feedback`. recorded: always true; what is not recorded is an error."""

    id: str
    recorded: bool


async def read_feedback(request: Request, account: Account) -> Feedback:
    """What the request says, in its address where that has parameters, else in its body. Raises InvalidArgument."""
    given = Parameters(request, *FeedbackBody.model_fields).given()
    if not given:
        return parse(FeedbackBody, await read_object(request)).to_feedback(account)
    if await request.body():
        raise refuse("body", "fields are taken from the body or from the address, not from both")
    return parse(FeedbackBody, typed(given)).to_feedback(account)


def typed(given: dict[str, str]) -> JsonObject:
    """Texts of an address as JSON would have them; what is no number stays a text, and is refused by name."""
    fields: dict[str, JsonValue] = {**given}
    rating, value = given.get("rating"), given.get("value")
    if rating is not None and WHOLE_NUMBER.fullmatch(rating):
        fields["rating"] = int(rating)
    if value is not None and value in BOOLEANS:
        fields["value"] = BOOLEANS[value]
    elif value is not None and NUMBER.fullmatch(value):
        fields["value"] = float(value)
    return fields
