"""OpenAI's chat completions, strictly: requests as they are validated, answers as they are written. No I/O.

Tokens follow a rule that a test can do in its head. A prompt has 3 tokens, and each message 4 more and
one per word of its text, words being what spaces divide. An answer of n tokens is "t1 t2 … tn".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from tests.fakes.provider.behaviour import REASONING_TOKEN_COUNT, Behaviour

T = TypeVar("T")

TOKENS_PER_PROMPT = 3
TOKENS_PER_MESSAGE = 4
# Fixed, so that equal requests have equal answers.
CREATED_S = 1_700_000_000
FINGERPRINT = "fp_0123456789"

KNOWN_FIELDS = {
    *("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
    *("max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model"),
    *("n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "reasoning_effort"),
    *("response_format", "safety_identifier", "seed", "service_tier", "stop", "store"),
    *("stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs"),
    *("top_p", "user", "verbosity", "web_search_options"),
}
ROLES = frozenset(("developer", "system", "user", "assistant", "tool", "function"))


@dataclass(eq=False)
class WireError(Exception):
    """An error in OpenAI's shape."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    type: str = "invalid_request_error"

    @property
    def body(self) -> dict[str, object]:
        """The object that is sent."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What of a request decides its answer."""

    model: str
    prompt_token_count: int
    max_token_count: int | None = None
    stream: bool = False
    include_usage: bool = False
    tool_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says, before it is written in either form."""

    model: str
    tokens: tuple[str, ...]
    finish_reason: str
    prompt_token_count: int
    cached_token_count: int = 0
    reasoning_token_count: int = 0
    tool_name: str | None = None

    @property
    def completion_token_count(self) -> int:
        """Tokens to pay for, hidden ones included."""
        return len(self.tokens) + self.reasoning_token_count

    @property
    def usage(self) -> dict[str, object]:
        """The figures as the caller is sent them."""
        return {
            "prompt_tokens": self.prompt_token_count,
            "completion_tokens": self.completion_token_count,
            "total_tokens": self.prompt_token_count + self.completion_token_count,
            "prompt_tokens_details": {"cached_tokens": self.cached_token_count},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_token_count},
        }


def parse_chat_request(data: bytes) -> ChatRequest:
    """Read a request body; WireError as OpenAI would answer where it is not one."""
    try:
        body = json.loads(data)
    except ValueError as exc:
        raise WireError(400, "We could not parse the JSON body of your request.") from exc
    if not isinstance(body, dict):
        raise WireError(400, "The request body is not an object.")
    for name in sorted(body.keys() - KNOWN_FIELDS):
        raise WireError(400, f"Unrecognized request argument supplied: {name}", "unknown_parameter", name)
    model = _typed(body, "model", str, "")
    if not model:
        raise WireError(400, "you must provide a model parameter")
    stream_options = _typed(body, "stream_options", dict, {})
    stream = _typed(body, "stream", bool, False)
    if stream_options and not stream:
        raise WireError(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options")
    return ChatRequest(
        model=model,
        prompt_token_count=prompt_token_count(_typed(body, "messages", list, [])),
        max_token_count=_max_token_count(body),
        stream=stream,
        include_usage=_typed(stream_options, "include_usage", bool, False),
        tool_name=_first_tool_name(_typed(body, "tools", list, [])),
    )


def prompt_token_count(messages: list[object]) -> int:
    """Tokens of the messages by the rule above; WireError where one is no message."""
    if not messages:
        raise WireError(400, "Invalid 'messages': empty array.", "empty_array", "messages")
    return TOKENS_PER_PROMPT + sum(TOKENS_PER_MESSAGE + len(_text_of(message).split()) for message in messages)


def answer_for(request: ChatRequest, behaviour: Behaviour) -> Answer:
    """What the model says to the request."""
    is_tool_call = behaviour.kind == "toolcall"
    reasoning_count = REASONING_TOKEN_COUNT if behaviour.kind == "reasoning" else 0
    said = behaviour.tokens
    wanted = len(said)
    allowed = wanted if request.max_token_count is None else min(wanted, max(0, request.max_token_count - reasoning_count))
    return Answer(
        model=request.model,
        tokens=said[:allowed],
        finish_reason="tool_calls" if is_tool_call else "length" if allowed < wanted else "stop",
        prompt_token_count=request.prompt_token_count,
        cached_token_count=min(behaviour.number(), request.prompt_token_count) if behaviour.kind == "cached" else 0,
        reasoning_token_count=reasoning_count,
        tool_name=(request.tool_name or "lookup") if is_tool_call else None,
    )


def completion_of(answer: Answer, number: int) -> dict[str, object]:
    """The whole answer as one object."""
    message: dict[str, object] = {"role": "assistant", "content": "".join(answer.tokens), "refusal": None, "annotations": []}
    if answer.reasoning_token_count:
        message["reasoning_content"] = "".join(reasoning_tokens(answer))
    if answer.tool_name:
        function = {"name": answer.tool_name, "arguments": '{"query":"value"}'}
        message |= {"content": None, "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}]}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": CREATED_S,
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "usage": answer.usage,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def chunk_of(answer: Answer, number: int, delta: dict[str, object], finish_reason: str | None = None) -> dict[str, object]:
    """One event of a stream."""
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": CREATED_S,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }


def usage_chunk_of(answer: Answer, number: int) -> dict[str, object]:
    """The event that a stream with include_usage ends with."""
    return {**chunk_of(answer, number, {}), "choices": [], "usage": answer.usage}


def deltas_of(answer: Answer) -> Iterator[dict[str, object]]:
    """One delta per token, after the one that names the role."""
    for token in reasoning_tokens(answer):
        yield {"reasoning_content": token}
    if answer.tool_name is None:
        for token in answer.tokens:
            yield {"content": token}
        return
    yield {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": answer.tool_name, "arguments": ""}}]}
    for piece in ('{"query":', '"value"', "}")[: len(answer.tokens) - 1]:
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def reasoning_tokens(answer: Answer) -> Iterator[str]:
    """The hidden tokens' text."""
    return (f"r{number} " for number in range(1, answer.reasoning_token_count + 1))


def _typed(body: dict[str, object], name: str, kind: type[T], default: T) -> T:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise WireError(400, f"Invalid type for '{name}'.", "invalid_type", name)
    return value


def _max_token_count(body: dict[str, object]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise WireError(400, f"Invalid '{name}': integer below minimum value.", "integer_below_min_value", name)
            return value
    return None


def _first_tool_name(tools: list[object]) -> str | None:
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str):
            raise WireError(400, "Missing required parameter: 'tools[0].function.name'.", "missing_required_parameter", "tools")
        return name
    return None


def _text_of(message: object) -> str:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise WireError(400, "Invalid value: 'messages[0].role'.", "invalid_value", "messages")
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if content is None or isinstance(content, str):
        return content or ""
    raise WireError(400, "Invalid type for 'messages[0].content'.", "invalid_type", "messages")
