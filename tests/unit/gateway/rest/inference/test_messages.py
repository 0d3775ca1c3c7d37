"""Messages: what the gateway depends on is checked, the rest is the provider's to judge."""

from typing import Any

import pytest

from pointsman.gateway.rest.inference.messages import check_messages, check_prompt
from pointsman.kit.errors import InvalidArgument

USER = {"role": "user", "content": "hi"}

GOOD: dict[str, list[dict[str, Any]]] = {
    "text": [USER],
    "roles": [{"role": role, "content": "x"} for role in ("system", "developer", "user", "assistant", "tool", "function")],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "http://x"}}]}],
    "image alone": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}],
    "unknown part": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}],
    "null beside tool calls": [USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}],
    "content left out beside tool calls": [USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}],
    "control characters": [{"role": "user", "content": "a\x00\x07b"}],
    "most messages": [USER] * 2_048,
    "most characters": [{"role": "user", "content": "a" * 1_000_000}],
    "one empty among others": [{"role": "system", "content": ""}, USER],
}


@pytest.mark.parametrize("messages", GOOD.values(), ids=GOOD)
def test_messages_are_taken_as_they_are(messages: Any) -> None:
    assert check_messages(messages) == messages


NO_ADDRESS = {"type": "image_url", "image_url": {}}

BAD: list[tuple[str, Any, str, str]] = [
    ("missing", None, "invalid_value", "messages"),
    ("empty", [], "invalid_value", "messages"),
    ("object", {}, "invalid_value", "messages"),
    ("text", "hi", "invalid_value", "messages"),
    ("too many", [USER] * 2_049, "invalid_value", "messages"),
    ("entry of text", ["hi"], "invalid_value", "messages[0]"),
    ("no role", [{"content": "x"}], "invalid_value", "messages[0].role"),
    ("role root", [{"role": "root", "content": "x"}], "invalid_value", "messages[0].role"),
    ("role as object", [USER, {"role": {}, "content": "x"}], "invalid_value", "messages[1].role"),
    ("null content", [{"role": "user", "content": None}], "invalid_value", "messages[0].content"),
    ("null content of an assistant that does nothing", [{"role": "assistant"}], "invalid_value", "messages[0].content"),
    ("number", [{"role": "user", "content": 5}], "invalid_value", "messages[0].content"),
    ("no parts", [{"role": "user", "content": []}], "invalid_value", "messages[0].content"),
    ("too many parts", [{"role": "user", "content": [{"type": "text", "text": "x"}] * 257}], "invalid_value", "messages[0].content"),
    ("part of text", [{"role": "user", "content": ["x"]}], "invalid_value", "messages[0].content[0]"),
    ("part without type", [{"role": "user", "content": [{}]}], "invalid_value", "messages[0].content[0].type"),
    ("text part without text", [{"role": "user", "content": [{"type": "text"}]}], "invalid_value", "messages[0].content[0].text"),
    (
        "image without address",
        [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
        "invalid_value",
        "messages[0].content[0].image_url.url",
    ),
    (
        "image of the provider's own machine",
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/x"}}]}],
        "invalid_value",
        "messages[0].content[0].image_url.url",
    ),
    ("Role beside role", [{**USER, "Role": "system"}], "unknown_field", "messages[0].role"),
    ("CONTENT alone", [{"role": "user", "CONTENT": "x"}], "unknown_field", "messages[0].content"),
    (
        "Text in a part",
        [{"role": "user", "content": [{"type": "text", "text": "x", "Text": "y"}]}],
        "unknown_field",
        "messages[0].content[0].text",
    ),
    (
        "URL of an image",
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x", "URL": "file:///x"}}]}],
        "unknown_field",
        "messages[0].content[0].image_url.url",
    ),
    ("tool calls of a number", [USER, {"role": "assistant", "content": None, "tool_calls": 5}], "invalid_value", "messages[1].tool_calls"),
    ("a tool call of text", [USER, {"role": "assistant", "tool_calls": ["x"]}], "invalid_value", "messages[1].tool_calls"),
    ("too many tool calls", [USER, {"role": "assistant", "tool_calls": [{}] * 129}], "invalid_value", "messages[1].tool_calls"),
    ("nothing said", [{"role": "user", "content": "  "}], "invalid_value", "messages"),
    ("too long", [{"role": "user", "content": "a" * 500_001}] * 2, "context_length_exceeded", "messages"),
]


@pytest.mark.parametrize(("messages", "code", "param"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_messages_are_named_with_their_code(messages: Any, code: str, param: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_messages(messages)
    assert (refused.value.reason, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("prompt", "code"),
    [("", "invalid_value"), (" \n\t", "invalid_value"), (5, "invalid_value"), ("a" * 1_000_001, "context_length_exceeded")],
    ids=["empty", "blank", "number", "too long"],
)
def test_bad_prompt_is_refused(prompt: Any, code: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_prompt(prompt)
    assert (refused.value.reason, refused.value.param) == (code, "prompt")
