"""The mock's reading of requests and writing of answers."""

import json

import pytest

from tests.fakes.provider.behaviour import Behaviour
from tests.fakes.provider.chat import ChatRequest, WireError, answer_for, completion_of, deltas_of, parse_chat_request, prompt_token_count

USER = {"role": "user", "content": "two words"}


def request_bytes(**fields: object) -> bytes:
    return json.dumps({"model": "ok", "messages": [USER], **fields}).encode()


def test_prompt_tokens_are_3_and_4_for_each_message_and_its_words() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "a b c"}, {"type": "image_url", "image_url": {"url": "x"}}]}
    assert prompt_token_count([USER, parts, {"role": "assistant", "content": None}]) == 3 + (4 + 2) + (4 + 3) + 4


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{", id="broken"),
        pytest.param(b"[]", id="no object"),
        pytest.param(request_bytes(model=None), id="no model"),
        pytest.param(request_bytes(messages=[]), id="no messages"),
        pytest.param(request_bytes(messages=["hi"]), id="message is no object"),
        pytest.param(request_bytes(messages=[{"role": "robot", "content": "hi"}]), id="unknown role"),
        pytest.param(request_bytes(pointsman={}), id="field that OpenAI does not know"),
        pytest.param(request_bytes(stream="yes"), id="wrong type"),
        pytest.param(request_bytes(stream_options={"include_usage": True}), id="stream options without a stream"),
        pytest.param(request_bytes(max_tokens=0), id="no token allowed"),
        pytest.param(request_bytes(tools=[{}]), id="tool without a name"),
    ],
)
def test_request_that_openai_refuses_is_refused(data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        parse_chat_request(data)
    assert caught.value.status == 400


def test_request_is_read() -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    data = request_bytes(stream=True, stream_options={"include_usage": True}, max_completion_tokens=3, tools=tools)
    assert parse_chat_request(data) == ChatRequest("ok", 9, 3, stream=True, include_usage=True, tool_name="weather")


def test_limit_of_tokens_ends_the_answer_by_length() -> None:
    answer = answer_for(ChatRequest("ok", 9, max_token_count=2), Behaviour("ok"))
    assert (answer.tokens, answer.finish_reason, answer.completion_token_count) == (("t1", " t2"), "length", 2)


@pytest.mark.parametrize("kind", ["ok", "reasoning", "toolcall"])
def test_stream_has_one_delta_for_each_token_that_is_billed(kind: str) -> None:
    answer = answer_for(ChatRequest(kind, 9), Behaviour(kind))
    assert len(list(deltas_of(answer))) == answer.completion_token_count


def test_tool_call_names_the_requests_tool_in_both_forms() -> None:
    answer = answer_for(ChatRequest("toolcall", 9, tool_name="weather"), Behaviour("toolcall"))
    whole = json.dumps(completion_of(answer, 1))
    pieces = json.dumps(list(deltas_of(answer)))
    assert '"name": "weather"' in whole
    assert '"name": "weather"' in pieces
    assert answer.finish_reason == "tool_calls"


def test_cached_tokens_are_part_of_the_prompt() -> None:
    answer = answer_for(ChatRequest("cached-999", 9), Behaviour("cached", "999"))
    assert answer.cached_token_count == 9
