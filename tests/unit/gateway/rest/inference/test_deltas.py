"""Streamed messages put together: whatever a provider's deltas hold, what comes out can be written."""

import json

from pointsman.gateway.rest.inference.deltas import MessageBuilder
from pointsman.kit.json_loader import dump_json


def event(delta: object) -> bytes:
    """One event with that delta; characters beyond ASCII are escaped, as many providers do."""
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


def test_texts_and_tool_calls_are_joined() -> None:
    builder = MessageBuilder()
    first = {"content": "It", "tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "look", "arguments": '{"a"'}}]}
    assert (
        builder.feed(event(first) + event({"content": " rains", "tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}))
        == "It rains"
    )
    assert builder.message() == {
        "role": "assistant",
        "content": "It rains",
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}],
    }


def test_other_choices_are_left_out() -> None:
    builder = MessageBuilder()
    other = b'data: {"choices": [{"index": 1, "delta": {"content": "no"}}]}\n\n'
    assert builder.feed(other + event({"content": "yes"})) == "yes"


def test_a_character_cut_in_two_is_put_together() -> None:
    builder = MessageBuilder()
    pieces = [builder.feed(event({"content": text})) for text in ("a\ud83d", "\ude00b")]
    assert (pieces, builder.message()["content"]) == (["a", "\U0001f600b"], "a\U0001f600b")


def test_a_lone_half_is_replaced_so_that_it_can_be_written() -> None:
    builder = MessageBuilder()
    call = {"index": 0, "id": "\udc00", "function": {"name": "\ud800", "arguments": "\ud800"}}
    texts = [builder.feed(event(delta)) for delta in ({"content": "a\udc00"}, {"content": "b\ud800"}, {"tool_calls": [call]})]
    assert (texts, builder.message()["content"]) == (["a\ufffd", "b", ""], "a\ufffdb\ufffd")
    dump_json(builder.message())


def test_what_has_another_type_than_openais_adds_nothing() -> None:
    builder = MessageBuilder()
    odd = [{"content": [{"type": "thinking"}], "tool_calls": {"index": 0}}, {"tool_calls": [1, {"index": None, "function": []}]}, None]
    assert "".join(builder.feed(event(delta)) for delta in odd) == ""
    dump_json(builder.message())
