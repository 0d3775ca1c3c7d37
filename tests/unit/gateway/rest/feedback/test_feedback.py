"""`POST /v1/feedback`: what it takes in its body and in its address, and what it refuses by name."""

from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
import pytest

from pointsman.gateway.outcome_ports import Feedback
from pointsman.gateway.ports import Account
from pointsman.gateway.rest.examples import examples
from pointsman.gateway.rest.feedback.feedback_body import FeedbackBody
from pointsman.gateway.rest.inference.route_models import parse
from pointsman.kit.errors import Unavailable
from tests.fakes.gateway_services import FakeOutcomes
from tests.fakes.gateways import FakeGateway

PLACES = ("body", "address")


async def post(gateway: FakeGateway, fields: dict[str, Any], *, place: str = "body", **more: Any) -> httpx.Response:
    async with gateway.client() as client:
        if place == "address":
            return await client.post(f"/v1/feedback?{urlencode(fields)}", **more)
        return await client.post("/v1/feedback", json=fields, **more)


def kept(gateway: FakeGateway) -> Feedback:
    (only,) = gateway.outcomes.kept.values()
    return only


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"rating": 1}, 0.0),
        ({"rating": 4}, 0.75),
        ({"rating": 5}, 1.0),
        ({"value": True}, 1.0),
        ({"value": False}, 0.0),
        ({"value": 0.3}, 0.3),
        ({"value": 1}, 1.0),
        ({"value": 0}, 0.0),
    ],
    ids=str,
)
async def test_a_judgement_becomes_a_value(place: str, fields: dict[str, Any], value: float) -> None:
    gateway = FakeGateway()
    written = {name: str(field).lower() if place == "address" else field for name, field in fields.items()}
    answer = await post(gateway, {"request_id": "req_1", **written}, place=place)
    assert (answer.status_code, answer.json()) == (200, {"id": kept(gateway).feedback_id, "recorded": True})
    assert kept(gateway).value == value
    assert kept(gateway).feedback_id.startswith("fbk_")


@pytest.mark.parametrize("place", PLACES)
async def test_all_fields_reach_the_ledger(place: str) -> None:
    gateway = FakeGateway()
    fields = {"decision_id": "dec_1", "value": 0.5, "metric": "helpful", "feedback": "well done, übrigens", "feedback_id": "fbk_mine"}
    answer = await post(gateway, fields, place=place)
    assert answer.json() == {"id": "fbk_mine", "recorded": True}
    assert kept(gateway) == Feedback("fbk_mine", Account(), 0.5, None, "dec_1", "helpful", "well done, übrigens")
    assert "well done" not in repr(kept(gateway))


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"rating": 5}, "invalid_value", "request_id"),
        ({"request_id": "req_1", "decision_id": "dec_1", "rating": 5}, "invalid_value", "request_id"),
        ({"request_id": "req_1"}, "invalid_value", "value"),
        ({"request_id": "req_1", "rating": 5, "value": 1.0}, "invalid_value", "value"),
        ({"request_id": "req_1", "rating": 0}, "invalid_value", "rating"),
        ({"request_id": "req_1", "rating": 6}, "invalid_value", "rating"),
        ({"request_id": "req_1", "rating": 4.5}, "invalid_value", "rating"),
        ({"request_id": "req_1", "rating": "good"}, "invalid_value", "rating"),
        ({"request_id": "req_1", "value": 1.01}, "invalid_value", "value"),
        ({"request_id": "req_1", "value": -0.1}, "invalid_value", "value"),
        ({"request_id": "req_1", "value": "nan"}, "invalid_value", "value"),
        ({"request_id": "req_1", "value": "yes"}, "invalid_value", "value"),
        ({"request_id": "req_1", "value": 1.0, "metric": "m" * 65}, "invalid_value", "metric"),
        ({"request_id": "req_1", "value": 1.0, "metric": "two words"}, "invalid_value", "metric"),
        ({"request_id": "req_1", "value": 1.0, "feedback": "x" * 4_001}, "invalid_value", "feedback"),
        ({"request_id": "req 1", "value": 1.0}, "invalid_value", "request_id"),
        ({"request_id": "req_1", "value": 1.0, "feedback_id": "mine"}, "invalid_value", "feedback_id"),
        ({"request_id": "req_1", "value": 1.0, "stars": 3}, "unknown_field", None),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.parametrize("place", PLACES)
async def test_what_cannot_be_taken_is_refused_by_name(place: str, fields: dict[str, Any], code: str, param: str | None) -> None:
    gateway = FakeGateway()
    answer = await post(gateway, fields, place=place)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert gateway.outcomes.kept == {}


@pytest.mark.parametrize("rating", [True, "5", 5.0])
async def test_a_rating_in_a_body_is_a_whole_number(rating: object) -> None:
    answer = await post(FakeGateway(), {"request_id": "req_1", "rating": rating})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "rating")


async def test_body_and_address_at_once_are_refused() -> None:
    answer = await post(FakeGateway(), {"request_id": "req_1", "rating": 5}, place="address", json={"rating": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_value")


async def test_a_parameter_given_twice_is_refused() -> None:
    async with FakeGateway().client() as client:
        answer = await client.post("/v1/feedback?request_id=req_1&rating=5&rating=1")
    assert answer.json()["error"]["param"] == "rating"


async def test_what_nobody_knows_is_not_found() -> None:
    answer = await post(FakeGateway(), {"request_id": "req_none", "rating": 5})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "decision_not_found")


async def test_the_same_again_is_recorded_once_and_another_under_its_name_is_a_conflict() -> None:
    gateway = FakeGateway()
    fields = {"request_id": "req_1", "rating": 5, "feedback_id": "fbk_mine"}
    statuses = [(await post(gateway, one)).status_code for one in (fields, fields, {**fields, "rating": 1})]
    assert (statuses, kept(gateway).value) == ([200, 200, 409], 1.0)


async def test_with_the_ledger_away_nothing_is_pretended() -> None:
    gateway = FakeGateway(outcomes=FakeOutcomes(error=Unavailable("dependency_down", "the ledger cannot be used now")))
    answer = await post(gateway, {"request_id": "req_1", "rating": 5})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "dependency_down")


def test_the_example_is_taken() -> None:
    assert parse(FeedbackBody, examples()["FeedbackBody"]).to_feedback(Account()).value == 0.75
