import pytest

from pointsman.classifier.core.fusion import Strategy
from pointsman.classifier.rest.bodies import ClassifyBatchBody, ClassifyBody, StrictBody, parse
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject


def test_strategy_may_be_left_out() -> None:
    assert parse(ClassifyBody, {"prompt": "x"}) == parse(ClassifyBody, {"prompt": "x", "strategy": None})
    assert parse(ClassifyBatchBody, {"prompts": ["x"], "strategy": "rules"}).strategy == "rules"


def test_every_strategy_may_be_asked_for_by_its_name() -> None:
    assert {parse(ClassifyBody, {"prompt": "x", "strategy": strategy.value}).strategy for strategy in Strategy} == {*Strategy}


@pytest.mark.parametrize(
    ("body", "value", "reason", "param"),
    [
        pytest.param(ClassifyBody, {}, "invalid_value", "prompt", id="no prompt"),
        pytest.param(ClassifyBody, {"prompt": 7}, "invalid_value", "prompt", id="a number"),
        pytest.param(ClassifyBody, {"prompt": None}, "invalid_value", "prompt", id="null"),
        pytest.param(ClassifyBody, {"prompt": "x", "secret-sauce": 1}, "unknown_field", None, id="unknown field"),
        pytest.param(ClassifyBody, {"prompt": "x", "strategy": "secret-sauce"}, "invalid_value", "strategy", id="unknown strategy"),
        pytest.param(ClassifyBody, {"prompt": "x", "Prompt": "x"}, "unknown_field", None, id="another case"),
        pytest.param(ClassifyBatchBody, {"prompts": "x"}, "invalid_value", "prompts", id="no list"),
        pytest.param(ClassifyBatchBody, {"prompts": ["x", 7]}, "invalid_value", "prompts[1]", id="a number in the list"),
        pytest.param(ClassifyBatchBody, {"prompt": "x"}, "invalid_value", "prompts", id="the other body"),
    ],
)
def test_body_that_cannot_be_taken_is_refused_and_not_echoed(
    body: type[StrictBody], value: JsonObject, reason: str, param: str | None
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse(body, value)
    assert (refusal.value.reason, refusal.value.param) == (reason, param)
    assert "secret-sauce" not in refusal.value.message
