"""Bodies of chat completions: what is taken, and the code and field of what is not."""

from typing import Any

import pytest

from pointsman.gateway.rest.inference.chat_request import check_chat_request, output_token_limit
from pointsman.kit.errors import InvalidArgument

HELLO = [{"role": "user", "content": "hello"}]


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": HELLO, **fields}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


GOOD = {
    "least": {},
    "unknown fields": {"service_tier": "flex", "reasoning_effort": "low", "verbosity": {"x": 1}},
    "nulls count as absent": {"n": None, "stream": None, "max_tokens": None, "tools": None, "stop": None, "pointsman": None},
    "sampling": {"temperature": 2, "top_p": 0.5, "n": 8, "seed": -(2**63), "stop": ["a", "b"], "logit_bias": {"50256": -100}},
    "stream with usage": {"stream": True, "stream_options": {"include_usage": True}},
    "tools": {"tools": [{"type": "function", "function": {"name": "f", "parameters": nested(8)}}]},
    "ordered models": {"model": "a/b", "models": ["a/b", "c"]},
    "models without model": {"model": None, "models": ["c"]},
    "metadata": {"metadata": {"k" * 64: "v" * 512}, "user": "u" * 512},
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_standard_and_unknown_fields_are_taken(fields: dict[str, Any]) -> None:
    check_chat_request(body(**fields))


BAD: list[tuple[dict[str, Any], str, str | None]] = [
    ({"model": None}, "invalid_value", "model"),
    ({"model": ""}, "invalid_value", "model"),
    ({"model": "a\nb"}, "invalid_value", "model"),
    ({"model": "a b"}, "invalid_value", "model"),
    ({"model": "m" * 10_000}, "invalid_value", "model"),
    ({"model": 5}, "invalid_value", "model"),
    ({"models": ["a", 5]}, "invalid_value", "models"),
    ({"models": ["a"] * 17}, "invalid_value", "models"),
    ({"n": 0}, "invalid_value", "n"),
    ({"n": -1}, "invalid_value", "n"),
    ({"n": 9}, "invalid_value", "n"),
    ({"n": "7"}, "invalid_value", "n"),
    ({"n": True}, "invalid_value", "n"),
    ({"n": 1.5}, "invalid_value", "n"),
    ({"max_tokens": 0}, "invalid_value", "max_tokens"),
    ({"max_tokens": 2**63 - 1}, "invalid_value", "max_tokens"),
    ({"max_tokens": "10"}, "invalid_value", "max_tokens"),
    ({"max_completion_tokens": -1}, "invalid_value", "max_completion_tokens"),
    ({"temperature": -1}, "invalid_value", "temperature"),
    ({"temperature": 3}, "invalid_value", "temperature"),
    ({"temperature": "hot"}, "invalid_value", "temperature"),
    ({"temperature": True}, "invalid_value", "temperature"),
    ({"top_p": 2}, "invalid_value", "top_p"),
    ({"presence_penalty": 2.5}, "invalid_value", "presence_penalty"),
    ({"logit_bias": {"1": 1e5}}, "invalid_value", "logit_bias"),
    ({"logit_bias": {str(token): 1 for token in range(1_025)}}, "invalid_value", "logit_bias"),
    ({"logit_bias": {"one": 1}}, "invalid_value", "logit_bias"),
    ({"stop": ["x"] * 10_000}, "invalid_value", "stop"),
    ({"stop": [1]}, "invalid_value", "stop"),
    ({"seed": 1.5}, "invalid_value", "seed"),
    ({"stream": "yes"}, "invalid_value", "stream"),
    ({"stream": 1}, "invalid_value", "stream"),
    ({"stream_options": {"include_usage": True}}, "invalid_value", "stream_options"),
    ({"stream": True, "stream_options": {"include_usage": "yes"}}, "invalid_value", "stream_options.include_usage"),
    ({"tools": [{}] * 129}, "invalid_value", "tools"),
    ({"tools": [5]}, "invalid_value", "tools[0]"),
    ({"tools": [{"function": nested(17)}]}, "invalid_value", "tools"),
    ({"tools": [{"function": "x" * (64 << 10)}]}, "invalid_value", "tools"),
    ({"response_format": {"type": "json_schema", "json_schema": "x" * (64 << 10)}}, "invalid_value", "response_format"),
    ({"response_format": "json"}, "invalid_value", "response_format"),
    ({"user": "u" * 513}, "invalid_value", "user"),
    ({"metadata": {str(number): "v" for number in range(17)}}, "invalid_value", "metadata"),
    ({"metadata": {"k" * 65: "v"}}, "invalid_value", "metadata"),
    ({"metadata": {"k": "v" * 513}}, "invalid_value", "metadata"),
    ({"metadata": {"k": {}}}, "invalid_value", "metadata"),
    ({"pointsman": "x"}, "invalid_value", "pointsman"),
    ({"Model": "auto"}, "unknown_field", "model"),
    ({"MESSAGES": []}, "unknown_field", "messages"),
    ({"api_base": "http://x"}, "unknown_field", None),
    ({"API_Key": "x"}, "unknown_field", None),
    ({"extra_headers": {}}, "unknown_field", None),
    ({"mock_response": "x"}, "unknown_field", None),
    ({"aws_access_key_id": "x"}, "unknown_field", None),
    ({"provider": {"order": []}}, "unknown_field", None),
]


@pytest.mark.parametrize(("fields", "code", "param"), BAD, ids=[f"{next(iter(case[0]))}-{number}" for number, case in enumerate(BAD)])
def test_bad_field_is_named_with_its_code(fields: dict[str, Any], code: str, param: str | None) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_chat_request(body(**fields))
    assert (refused.value.reason, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("fields", "limit"),
    [({}, None), ({"max_tokens": 5}, 5), ({"max_completion_tokens": 7}, 7), ({"max_tokens": 5, "max_completion_tokens": 3}, 3)],
    ids=["none", "old name", "new name", "least of both"],
)
def test_output_limit_is_the_least_that_is_named(fields: dict[str, Any], limit: int | None) -> None:
    assert output_token_limit(body(**fields)) == limit
