"""What the gateway reads of an OpenAI chat request, and no more: its size, its needs, its last human turn.

Everything else in the body passes through unread. Bodies are JSON as loaded; what does not have the
expected type counts as absent, because judging the body is the provider's part.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pointsman.gateway.core.catalog import Capability

# What the classifier takes of a conversation (classifier.proto, PromptInput).
MAX_DIGEST_CHARACTERS = 2_000
MAX_DIGEST_TURN_CHARACTERS = 400
# Fields that are part of the prompt beside the messages.
PROMPT_FIELDS = ("messages", "tools", "functions", "tool_choice", "response_format")
TOOL_ROLES = frozenset({"tool", "function"})
IMAGE_PARTS = frozenset({"image_url", "input_image"})
HUMAN = "user"
ASSISTANT = "assistant"

Messages = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class RequestShape:
    """What routing and classification need to know of a chat request."""

    input_byte_count: int  # of text, tools and schema; images are counted apart
    message_count: int
    image_count: int
    required_capabilities: frozenset[Capability]
    last_human_turn: str  # empty where no human said anything in words
    context_digest: str  # of what came before it, at most 2,000 characters
    in_tool_loop: bool


def shape_of(body: Mapping[str, object]) -> RequestShape:
    """Read a chat completions body."""
    messages = _messages(body)
    turn_index = _last_human_index(messages)
    image_count = sum(1 for message in messages for part in _parts(message) if part.get("type") in IMAGE_PARTS)
    return RequestShape(
        input_byte_count=sum(_byte_count(message) for message in messages) + _definitions_byte_count(body),
        message_count=len(messages),
        image_count=image_count,
        required_capabilities=_required_capabilities(body, image_count),
        last_human_turn="" if turn_index is None else _text(messages[turn_index]),
        context_digest=_digest(messages[:turn_index]) if turn_index is not None else "",
        in_tool_loop=bool(messages) and messages[-1].get("role") in TOOL_ROLES,
    )


def prompt_hash_input(body: Mapping[str, object]) -> bytes:
    """Bytes that are equal exactly where two requests ask the same, whatever the order of keys.

    Sampling parameters and the model's name are no part of it. To be hashed with a key.
    """
    prompt = {name: body[name] for name in PROMPT_FIELDS if body.get(name) is not None}
    return json.dumps(prompt, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


def _required_capabilities(body: Mapping[str, object], image_count: int) -> frozenset[Capability]:
    required = {Capability.CHAT}
    if body.get("tools") or body.get("functions"):
        required.add(Capability.TOOLS)
    response_format = body.get("response_format")
    if isinstance(response_format, Mapping) and response_format.get("type") == "json_schema":
        required.add(Capability.JSON_SCHEMA)
    if image_count:
        required.add(Capability.VISION)
    return frozenset(required)


def _messages(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, Mapping)] if isinstance(messages, list) else []


def _parts(message: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    content = message.get("content")
    if isinstance(content, list):
        yield from (part for part in content if isinstance(part, Mapping))


def _text(message: Mapping[str, object]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(text for part in _parts(message) if isinstance(text := part.get("text"), str))


def _byte_count(message: Mapping[str, object]) -> int:
    """Bytes of a message's text, and of the tool calls that it holds."""
    count = len(_text(message).encode(errors="surrogatepass"))
    for name in ("tool_calls", "function_call"):
        if message.get(name):
            count += _json_byte_count(message[name])
    return count


def _definitions_byte_count(body: Mapping[str, object]) -> int:
    return sum(_json_byte_count(body[name]) for name in ("tools", "functions", "response_format") if body.get(name))


def _json_byte_count(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))


def _last_human_index(messages: Messages) -> int | None:
    """Where the last human turn with words is; tool results after it do not count."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].get("role") == HUMAN and _text(messages[index]).strip():
            return index
    return None


def _digest(messages: Messages) -> str:
    """The latest turns of human and assistant, oldest first, each cut short; tools and instructions left out."""
    turns: list[str] = []
    room = MAX_DIGEST_CHARACTERS
    for message in reversed(messages):
        role, text = message.get("role"), " ".join(_text(message).split())
        if role not in (HUMAN, ASSISTANT) or not text:
            continue
        turn = f"{role}: {text[:MAX_DIGEST_TURN_CHARACTERS]}"
        if len(turn) + 1 > room:
            break
        turns.append(turn)
        room -= len(turn) + 1
    return "\n".join(reversed(turns))
