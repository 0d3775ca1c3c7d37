"""The parser of server-sent events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.executor.core.sse import MAX_EVENT_BYTES, EventTooLarge, SseParser

CASES = {
    "one line": (b"data: a\n\n", [b"a"]),
    "no space": (b"data:a\n\n", [b"a"]),
    "only one space is dropped": (b"data:  a\n\n", [b" a"]),
    "carriage returns and newlines": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "carriage returns alone": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "comment": (b": keep-alive\n\ndata: a\n\n", [b"a"]),
    "comment within": (b": hi\ndata: a\n\n", [b"a"]),
    "several lines of data": (b"data: a\ndata: b\n\n", [b"a\nb"]),
    "name": (b"event: ping\ndata: a\n\n", [b"a"]),
    "name without data": (b"event: ping\n\ndata: a\n\n", [b"a"]),
    "other fields": (b"id: 1\nretry: 5\ndata: a\n\n", [b"a"]),
    "field without colon": (b"data\n\n", [b""]),
    "many empty lines": (b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "incomplete at the end": (b"data: a\n\ndata: b\n", [b"a"]),
    "end mark": (b"data: [DONE]\n\n", [b"[DONE]"]),
}


@pytest.mark.parametrize(("data", "events"), CASES.values(), ids=CASES.keys())
def test_events_are_those_of_the_format(data: bytes, events: list[bytes]) -> None:
    assert SseParser().feed(data) == events


TOKENS = st.sampled_from([b"data: ", b"data:", b"event: e", b": c", b"id: 1", b"x", b"\xc3\xa9", b" ", b"\n", b"\r", b"\r\n", b"\n\n", b""])
STREAMS = st.lists(TOKENS, max_size=40).map(b"".join)


@given(STREAMS, st.lists(st.integers(min_value=0, max_value=200), max_size=12))
def test_result_is_the_same_on_any_split(stream: bytes, cuts: list[int]) -> None:
    whole = SseParser().feed(stream)
    parser, found = SseParser(), []
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        found += parser.feed(stream[start:end])
    assert found == whole


@given(STREAMS)
def test_result_is_the_same_byte_by_byte(stream: bytes) -> None:
    parser = SseParser()
    assert [event for byte in stream for event in parser.feed(bytes((byte,)))] == SseParser().feed(stream)


def test_event_that_does_not_end_is_refused() -> None:
    parser = SseParser()
    parser.feed(b"data: " + bytes(MAX_EVENT_BYTES - 6))
    with pytest.raises(EventTooLarge):
        parser.feed(b"x")
