"""From a provider's bytes to what the client gets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.executor.core.faults import FailureReason
from pointsman.executor.core.providers.openai import TRANSLATOR
from pointsman.executor.core.stream_reading import MAX_CHUNK_BYTES, MAX_HELD_EVENTS, StreamReading
from pointsman.executor.core.usage import TokenUsage

DONE = b"data: [DONE]\n\n"


def event(delta: object = None, finish_reason: str | None = None, *, index: int = 0, **more: object) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish_reason}
    return b"data: %b\n\n" % json.dumps({"model": "up", "choices": [choice], **more}).encode()


USAGE = b'data: {"model":"up","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
ROLE = event({"role": "assistant", "content": ""})
STREAM = ROLE + event({"content": "Hé"}) + event({"content": "llo"}) + event({}, "stop") + USAGE + DONE


def read(*pieces: bytes, max_output_token_count: int | None = None, choice_count: int = 1) -> tuple[StreamReading, bytes]:
    """The reading after all pieces and the end, and what the client got."""
    reading = StreamReading(TRANSLATOR, "small", max_output_token_count=max_output_token_count, choice_count=choice_count)
    got = b""
    for piece in pieces:
        got += b"".join(reading.feed(piece))
        if reading.is_over:
            return reading, got
    return reading, got + b"".join(reading.end())


def contents(got: bytes) -> list[str]:
    return [
        choice["delta"].get("content", "")
        for line in got.split(b"\n\n")
        if line
        for choice in json.loads(line.removeprefix(b"data: "))["choices"]
    ]


def test_whole_answer_is_forwarded_with_its_end_and_usage_kept_apart() -> None:
    reading, got = read(STREAM)
    assert contents(got) == ["", "Hé", "llo", ""]
    assert (reading.fault, reading.finish_reason, reading.usage) == (None, "stop", TokenUsage(3, 2))
    assert reading.text_byte_count == len("Héllo".encode())
    assert got.count(b'"small"') == 4


@given(st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=8))
def test_result_does_not_depend_on_how_the_bytes_were_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in zip(edges, edges[1:], strict=False)]  # noqa: RUF007  # a list of slices
    reading, got = read(*pieces)
    assert (got, reading.finish_reason, reading.usage) == (read(STREAM)[1], "stop", TokenUsage(3, 2))


ENDS = {
    "no finish reason": (ROLE + event({"content": "a"}), FailureReason.PROVIDER_ERROR),
    "end mark without finish reason": (event({"content": "a"}) + DONE, FailureReason.PROVIDER_ERROR),
    "nothing": (b"", FailureReason.PROVIDER_BAD_RESPONSE),
    "no events": (b"<html>busy</html>", FailureReason.PROVIDER_BAD_RESPONSE),
    "no json": (b"data: busy\n\n", FailureReason.PROVIDER_BAD_RESPONSE),
    "error inside": (b'data: {"error":{"message":"x","type":"server_error"}}\n\n', FailureReason.PROVIDER_ERROR),
    "limit inside": (b'data: {"error":{"message":"x","code":"rate_limit_exceeded"}}\n\n', FailureReason.RATE_LIMIT_EXCEEDED),
    "reasons of no letters": (event({"content": "a"}, "") + event({"content": "b"}, ""), FailureReason.PROVIDER_ERROR),
    "one of two choices unfinished": (
        event({"content": "a"}) + event({"content": "b"}, "stop", index=1) + DONE,
        FailureReason.PROVIDER_ERROR,
    ),
}


@pytest.mark.parametrize(("stream", "reason"), ENDS.values(), ids=ENDS.keys())
def test_answer_that_did_not_end_is_a_fault(stream: bytes, reason: FailureReason) -> None:
    reading, _ = read(stream)
    assert reading.fault is not None
    assert reading.fault.reason is reason


def test_end_without_end_mark_is_whole_where_a_finish_reason_came() -> None:
    reading, got = read(event({"content": "a"}, "length"))
    assert (reading.fault, reading.finish_reason, contents(got)) == (None, "length", ["a"])


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "a"},
        {"reasoning_content": "a"},
        {"reasoning": "a"},
        {"refusal": "a"},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]},
    ],
    ids=lambda delta: next(iter(delta)),
)
def test_first_content_may_be_text_reasoning_refusal_or_a_tool_call(delta: object) -> None:
    reading = StreamReading(TRANSLATOR, "small", max_output_token_count=None)
    assert reading.feed(ROLE) == []
    assert not reading.has_content
    assert len(reading.feed(event(delta))) == 1
    assert reading.has_content


def test_empty_deltas_are_held_back_until_the_limit() -> None:
    reading = StreamReading(TRANSLATOR, "small", max_output_token_count=None)
    for _ in range(MAX_HELD_EVENTS):
        assert reading.feed(ROLE) == []
    assert not reading.has_content
    (chunk,) = reading.feed(ROLE)
    assert (reading.has_content, chunk.count(b"data: ")) == (True, MAX_HELD_EVENTS + 1)


def test_what_was_held_back_is_not_given_out_where_the_provider_fails() -> None:
    reading, got = read(ROLE + b'data: {"error":{"message":"x"}}\n\n')
    assert (got, reading.has_content) == (b"", False)


def test_empty_answer_that_ends_is_given_out_whole() -> None:
    reading, got = read(ROLE + event({}, "stop") + DONE)
    assert (contents(got), reading.fault) == (["", ""], None)


def test_usage_on_a_last_chunk_with_a_choice_is_taken_and_not_forwarded() -> None:
    last = event({}, "stop", usage={"prompt_tokens": 3, "completion_tokens": 1})
    reading, got = read(event({"content": "a"}, usage=None) + last + DONE)
    assert reading.usage == TokenUsage(3, 1)
    assert b"prompt_tokens" not in got


@pytest.mark.parametrize(("ending", "is_whole"), [(b"", False), (DONE, True)], ids=["closed", "said so"])
def test_a_choice_that_never_began_is_missed_unless_the_provider_says_that_this_is_all(ending: bytes, *, is_whole: bool) -> None:
    reading, _ = read(STREAM.removesuffix(DONE) + ending, choice_count=2)
    assert (reading.fault is None) is is_whole


def test_answer_beyond_its_limit_is_cut_and_says_so() -> None:
    reading, got = read(*[event({"content": "word"})] * 100, max_output_token_count=10)
    assert (reading.is_over, reading.fault, reading.finish_reason) == (True, None, "length")
    assert len(contents(got)) == 42
    assert json.loads(got.split(b"\n\n")[-2].removeprefix(b"data: "))["choices"][0]["finish_reason"] == "length"


def test_chunks_hold_whole_events_and_are_bounded() -> None:
    reading = StreamReading(TRANSLATOR, "small", max_output_token_count=None)
    chunks = reading.feed(event({"content": "x" * 5_000}) * 10 + event({"content": "y" * 40_000}))
    assert [chunk.count(b"data: ") for chunk in chunks] == [3, 3, 3, 1, 1]
    assert all(len(chunk) <= MAX_CHUNK_BYTES for chunk in chunks[:-1])
