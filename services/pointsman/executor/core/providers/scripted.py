"""The demo provider: answers from a script, in OpenAI's format, and says that it is no language model.

The same request always gets the same answer. Nothing leaves the process.
"""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pointsman.executor.core.providers import openai
from pointsman.executor.core.usage import estimated_token_count, prompt_byte_count

TRANSLATOR = openai.TRANSLATOR

FIRST_PIECE_DELAY_S = 0.02  # long enough to be seen, short enough to be no wait
PIECE_DELAY_S = 0.01


class Piece(NamedTuple):
    """Bytes of the answer, and how long to wait before they are sent."""

    delay_s: float
    data: bytes


def script_of(body: bytes) -> list[Piece]:
    """The whole response to a request, streamed or not as it asks. body: as this format's to_request makes it."""
    request = json.loads(body.decode())
    text = _answer_to(request)
    usage = _usage_of(request, text)
    return list(_stream(request, text, usage)) if request.get("stream") else [Piece(FIRST_PIECE_DELAY_S, _whole(request, text, usage))]


def _answer_to(request: Mapping[str, object]) -> str:
    messages = request.get("messages")
    count = len(messages) if isinstance(messages, list) else 0
    character_count = prompt_byte_count({"messages": messages})
    plural = "message" if count == 1 else "messages"
    return (
        "This is the demo provider of Pointsman, not a language model: it answers from a script. "
        f"Your request with {count} {plural} (about {estimated_token_count(character_count)} tokens) was classified, routed and streamed "
        "as it would be to a real one. Set OPENAI_API_KEY, or start Ollama, and ask again for a real answer."
    )


def _usage_of(request: Mapping[str, object], text: str) -> dict[str, int]:
    prompt = max(1, estimated_token_count(prompt_byte_count(request)))
    completion = len(_tokens(text))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _tokens(text: str) -> list[str]:
    """Words, each with the space before it."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


def _frame(request: Mapping[str, object], kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-demo", "object": kind, "created": 0, "model": request.get("model")}


def _whole(request: Mapping[str, object], text: str, usage: Mapping[str, int]) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({**_frame(request, "chat.completion"), "choices": [choice], "usage": usage}).encode()


def _stream(request: Mapping[str, object], text: str, usage: Mapping[str, int]) -> Iterator[Piece]:
    frame = _frame(request, "chat.completion.chunk")

    def event(delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return b"data: %b\n\n" % json.dumps({**frame, "choices": [choice]}).encode()

    yield Piece(FIRST_PIECE_DELAY_S, event({"role": "assistant", "content": ""}))
    for token in _tokens(text):
        yield Piece(PIECE_DELAY_S, event({"content": token}))
    end = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps({**frame, "choices": [], "usage": usage}).encode()
    yield Piece(0.0, event({}, "stop") + end)
