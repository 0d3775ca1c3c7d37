"""The demo provider."""

import json

from pointsman.executor.core.completion import ChatRequest
from pointsman.executor.core.providers.scripted import TRANSLATOR, script_of
from pointsman.executor.core.stream_reading import StreamReading

CHAT = ChatRequest({"messages": [{"role": "user", "content": "Hello"}]})


def test_it_says_that_it_is_no_language_model_and_counts_tokens() -> None:
    (piece,) = script_of(CHAT.body("demo", stream=False))
    answer = TRANSLATOR.from_body(piece.data, "demo")
    assert "not a language model" in json.loads(answer.body)["choices"][0]["message"]["content"]
    assert answer.usage is not None
    assert answer.usage.output_token_count > 10


def test_streamed_answer_is_the_whole_one_in_pieces() -> None:
    (whole,) = script_of(CHAT.body("demo", stream=False))
    pieces = script_of(CHAT.body("demo", stream=True))
    reading = StreamReading(TRANSLATOR, "demo", max_output_token_count=None)
    got = b"".join(chunk for piece in pieces for chunk in reading.feed(piece.data))
    text = "".join(json.loads(line[6:])["choices"][0]["delta"].get("content", "") for line in got.decode().split("\n\n") if line)
    assert text == json.loads(whole.data)["choices"][0]["message"]["content"]
    assert (reading.finish_reason, reading.fault) == ("stop", None)
    assert all(0 <= piece.delay_s < 0.1 for piece in pieces)


def test_the_same_request_gets_the_same_answer() -> None:
    assert script_of(CHAT.body("demo", stream=True)) == script_of(CHAT.body("demo", stream=True))
