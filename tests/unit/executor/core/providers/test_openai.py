"""OpenAI's format."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.executor.core.catalog import Model, Provider, ProviderKind
from pointsman.executor.core.completion import ChatRequest
from pointsman.executor.core.faults import FailureReason, ProviderFailed
from pointsman.executor.core.providers.openai import from_body, from_event, from_listing, to_request
from pointsman.executor.core.usage import TokenUsage

EVENTS = {
    "as OpenAI sends it": b'{"id":"c","model":"up","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}',
    "with spaces": b'{"id": "c", "model": "up", "choices": [{"index": 0, "delta": {"content": "a"}}]}',
    "without model": b'{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}',
    "model in the text": b'{"model":"up","choices":[{"index":0,"delta":{"content":"{\\"model\\":\\"up\\"}"}}]}',
    "the text is model": b'{"choices":[{"index":0,"delta":{"content":"model"}}],"model":"up"}',
    "another model inside, first": b'{"x":{"model":"up"},"model":"up","choices":[{"index":0,"delta":{"content":"a"}}]}',
    "escaped name": b'{"model":"u\\u0070","choices":[{"index":0,"delta":{"content":"a"}}]}',
    "name that needs escapes": b'{"model":"a\\"b","choices":[{"index":0,"delta":{"content":"a"}}]}',
    "model is null": b'{"model":null,"choices":[{"index":0,"delta":{"content":"a"}}]}',
    "name equals a key": b'{"model":"choices","choices":[{"index":0,"delta":{"content":"a"}}]}',
}


@pytest.mark.parametrize("data", EVENTS.values(), ids=EVENTS.keys())
def test_event_is_forwarded_unchanged_but_for_the_model(data: bytes) -> None:
    forward = from_event(data, 'org/"small"').forward
    assert forward is not None
    assert (forward.startswith(b"data: {"), forward.endswith(b"}\n\n")) == (True, True)
    assert json.loads(forward[6:]) == {**json.loads(data), "model": 'org/"small"'}


@given(st.text(), st.text(), st.text(), st.booleans())
def test_rewriting_is_the_same_as_reading_and_writing(upstream: str, model_id: str, text: str, ascii_only: bool) -> None:  # noqa: FBT001
    document = {"object": text, "model": upstream, "choices": [{"index": 0, "delta": {"content": text}}]}
    forward = from_event(json.dumps(document, ensure_ascii=ascii_only).encode(errors="surrogatepass"), model_id).forward
    assert forward is not None
    assert b"\n\n" not in forward[:-2]
    assert json.loads(forward[6:]) == {**document, "model": model_id}


@given(st.binary(max_size=60))
def test_no_event_raises(data: bytes) -> None:
    from_event(data, "m")


SHAPES = [
    *(b"[]", b"1", b'"a"', b'{"choices":1}', b'{"choices":[1]}', b'{"choices":{"a":1}}'),
    *(b'{"choices":[{"delta":[]}]}', b'{"error":1}', b"[" * 5000),
]


@pytest.mark.parametrize("data", SHAPES, ids=[data[:20].decode() for data in SHAPES])
def test_event_of_another_shape_gives_no_content(data: bytes) -> None:
    assert not from_event(data, "m").has_content


def test_event_with_usage_alone_is_not_for_the_client() -> None:
    event = from_event(b'{"model":"up","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}', "m")
    assert (event.forward, event.usage) == (None, TokenUsage(3, 2))


def test_text_of_tool_calls_counts() -> None:
    event = from_event(b'{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}}]}', "m")
    assert (event.has_content, event.text) == (True, "f{}")


def body(message: object, finish_reason: str | None = "stop", **more: object) -> bytes:
    return json.dumps({"model": "up", "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], **more}).encode()


def test_whole_answer_has_the_catalogues_name_and_its_usage() -> None:
    answer = from_body(body({"content": "é"}, usage={"prompt_tokens": 3, "completion_tokens": 2}), "small")
    assert json.loads(answer.body)["model"] == "small"
    assert (answer.finish_reason, answer.text_byte_count, answer.usage) == ("stop", 2, TokenUsage(3, 2))


GOOD = {
    "empty text": (body({"content": ""}), "stop"),
    "tool call": (body({"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, "tool_calls"), "tool_calls"),
    "refusal": (body({"content": None, "refusal": "no"}), "stop"),
    "nothing, because the limit came first": (body({"content": None}, "length"), "length"),
    "finish reason left out": (body({"content": "a"}, None), "stop"),
}


@pytest.mark.parametrize(("data", "finish_reason"), GOOD.values(), ids=GOOD.keys())
def test_answer_is_good(data: bytes, finish_reason: str) -> None:
    assert from_body(data, "m").finish_reason == finish_reason


BAD = {
    "html": b"<html>",
    "empty": b"",
    "list": b"[]",
    "no choices": b'{"id":"x"}',
    "no choice": b'{"choices":[]}',
    "choices is a text": b'{"choices":"a"}',
    "choice is null": b'{"choices":[null]}',
    "no message": b'{"choices":[{"index":0}]}',
    "null content": body({"content": None}),
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_answer_that_is_none_is_a_bad_response(data: bytes) -> None:
    with pytest.raises(ProviderFailed) as caught:
        from_body(data, "m")
    assert caught.value.fault.reason is FailureReason.PROVIDER_BAD_RESPONSE


def test_error_in_a_whole_answer_is_that_error() -> None:
    with pytest.raises(ProviderFailed) as caught:
        from_body(b'{"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}}', "m")
    assert caught.value.fault.reason is FailureReason.CONTEXT_LENGTH_EXCEEDED


def test_request_names_the_upstream_model() -> None:
    wire = to_request(ChatRequest({"messages": []}), Model("m", "p", "up"), Provider("p", ProviderKind.OPENAI), True)
    assert (wire.method, wire.path, wire.key_header, wire.key_prefix) == ("POST", "/chat/completions", "Authorization", "Bearer ")
    assert json.loads(wire.body)["model"] == "up"


def test_listing_is_read() -> None:
    assert from_listing(b'{"object":"list","data":[{"id":"a"},{"id":"b","x":1}]}') == {"a", "b"}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"data":[{}]}', b'{"data":null}', b"<html>"])
def test_listing_of_another_shape_is_a_bad_response(data: bytes) -> None:
    with pytest.raises(ProviderFailed):
        from_listing(data)
