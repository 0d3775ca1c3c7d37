"""OpenAI's chat completions, which most providers speak.

https://platform.openai.com/docs/api-reference/chat; what servers that follow it add or leave out is
taken as it comes: usage on a last chunk that has a choice, `reasoning_content` and `reasoning`, errors
inside a stream.
"""

import json
from collections.abc import Mapping

from pointsman.executor.core.catalog import Model, Provider
from pointsman.executor.core.completion import ChatRequest
from pointsman.executor.core.faults import ProviderFailed, bad_response
from pointsman.executor.core.providers import openai_errors
from pointsman.executor.core.translation import StreamEvent, Translator, WholeAnswer, WireRequest
from pointsman.executor.core.usage import usage_from_openai

JSON_HEADERS = {"Content-Type": "application/json"}
END = b"[DONE]"
# What counts as content: text, reasoning, refusal, a call of a tool, sound.
CONTENT_FIELDS = frozenset({"content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call", "audio"})
# Reasons to stop that leave an answer without content whole: the limit, or the filter, came first.
REASONS_WITHOUT_CONTENT = frozenset({"length", "content_filter"})


def to_request(chat: ChatRequest, model: Model, _provider: Provider, stream: bool) -> WireRequest:  # noqa: FBT001  # a Translator's shape
    """The request for a completion."""
    return WireRequest("POST", "/chat/completions", chat.body(model.upstream, stream=stream), JSON_HEADERS)


def from_event(data: bytes, model_id: str) -> StreamEvent:
    """One event of a stream. What is no event of OpenAI's is a fault, not an exception."""
    if data == END:
        return StreamEvent(is_end=True)
    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError):
        return StreamEvent(fault=bad_response("an event of the stream is not JSON"))
    if not isinstance(document, dict):
        return StreamEvent(fault=bad_response("an event of the stream is not an object"))
    if document.get("error"):
        return StreamEvent(fault=openai_errors.from_document(document))
    choices = document.get("choices")
    usage = document.get("usage")
    if not choices:  # usage alone, or a filter's verdict on the prompt: no part of the answer
        return StreamEvent(usage=usage_from_openai(usage))
    try:
        return _with_choices(data, document, choices, model_id)
    except (TypeError, AttributeError):
        return StreamEvent(fault=bad_response("an event of the stream has another shape than OpenAI's"))


def _with_choices(data: bytes, document: dict[str, object], choices: list[dict[str, object]], model_id: str) -> StreamEvent:
    text, has_content = "", False
    finished: tuple[tuple[int, str], ...] = ()
    for choice in choices:
        delta = choice.get("delta")
        if isinstance(delta, dict):
            for name, value in delta.items():
                if value and name in CONTENT_FIELDS:
                    has_content = True
                    text += value if isinstance(value, str) else _spoken_text(value)
        reason = choice.get("finish_reason")
        if reason:  # some servers send an empty one until the end
            finished = (*finished, (_index_of(choice), str(reason)))
    usage = document.get("usage")
    forward = _rewritten(data, document, model_id) if usage is None else _without_usage(document, model_id)
    indices = (0,) if len(choices) == 1 and choices[0].get("index") == 0 else tuple(_index_of(choice) for choice in choices)
    return StreamEvent(forward, text, has_content, indices, finished, usage_from_openai(usage) if usage is not None else None)


def _index_of(choice: Mapping[str, object]) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _spoken_text(value: object) -> str:
    """What is billed of tool calls, function calls and sound: every text in them."""
    if isinstance(value, str):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return "".join(_spoken_text(part) for part in parts)


def _rewritten(data: bytes, document: dict[str, object], model_id: str) -> bytes:
    """The event with the catalogue's model id.

    Writing the JSON anew costs more than reading it did, so the name is replaced where it stands. A quotation
    mark inside a string is escaped, so `"model"` followed by a colon is a key; being the only one, it is the one read.
    """
    model = document.get("model")
    start = data.find(b'"model"')
    if isinstance(model, str) and start >= 0 and data.find(b'"model"', start + 7) < 0:
        old = b'"%b"' % model.encode(errors="replace")
        at = data.find(old, start + 7)
        if at >= 0 and data[start + 7 : at].strip() == b":" and b"\n" not in data:
            return b"data: %b%b%b\n\n" % (data[:at], json.dumps(model_id, ensure_ascii=False).encode(), data[at + len(old) :])
    return _event({**document, "model": model_id})


def _without_usage(document: dict[str, object], model_id: str) -> bytes:
    """The event without the usage, which clients get where they ask for it, and from us."""
    return _event({name: value for name, value in document.items() if name != "usage"} | {"model": model_id})


def _event(document: Mapping[str, object]) -> bytes:
    return b"data: %b\n\n" % json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def from_body(body: bytes, model_id: str) -> WholeAnswer:
    """A whole answer. Raises ProviderFailed."""
    try:
        document = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise ProviderFailed(bad_response("the answer is not JSON")) from None
    if not isinstance(document, dict):
        raise ProviderFailed(bad_response("the answer is not an object"))
    if document.get("error"):
        raise ProviderFailed(openai_errors.from_document(document))
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ProviderFailed(bad_response("the answer has no choices"))
    reasons: list[str] = []
    byte_count = 0
    for choice in choices:
        reason, text = _whole_choice(choice)
        reasons.append(reason)
        byte_count += len(text.encode(errors="replace"))
    rewritten = json.dumps({**document, "model": model_id}, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return WholeAnswer(rewritten, reasons[0], byte_count, usage_from_openai(document.get("usage")))


def _whole_choice(choice: object) -> tuple[str, str]:
    """Finish reason and text of one choice. Raises ProviderFailed where it holds no answer."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ProviderFailed(bad_response("a choice has no message"))
    reason = choice.get("finish_reason") or "stop"  # some servers leave it out; the body's end says that it is whole
    parts = [value for name, value in message.items() if name in CONTENT_FIELDS]
    if not any(part is not None and part != [] for part in parts) and reason not in REASONS_WITHOUT_CONTENT:
        raise ProviderFailed(bad_response("a choice has no content"))
    return str(reason), "".join(_spoken_text(part) for part in parts)


def to_listing() -> WireRequest:
    """The request for the list of models, which is free."""
    return WireRequest("GET", "/models")


def from_listing(body: bytes) -> frozenset[str]:
    """Names of models. Raises ProviderFailed."""
    try:
        entries = json.loads(body.decode())["data"]
        return frozenset(entry["id"] for entry in entries if isinstance(entry["id"], str))
    except (ValueError, RecursionError, KeyError, TypeError):
        raise ProviderFailed(bad_response("the list of models has another shape than OpenAI's")) from None


TRANSLATOR = Translator(to_request, from_event, from_body, openai_errors.from_error, to_listing, from_listing)
