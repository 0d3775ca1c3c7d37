"""Puts a streamed OpenAI message together again."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

DATA_PREFIX = b"data:"
# The first halves of characters beyond 16 bits: a provider that counts in 16 bits may cut a text between the two.
HIGH_SURROGATES = frozenset(map(chr, range(0xD800, 0xDC00)))


class MessageBuilder:
    """The first choice's message, as its deltas come."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self._texts: dict[str, list[str]] = {}
        self._tool_calls: dict[int, dict[str, Any]] = {}
        self._half_character = ""

    def feed(self, events: bytes) -> str:
        """Take whole events; the text that they add, but for half a character at its end, which goes before the next."""
        text = self._half_character + "".join([self._take(delta) for delta in deltas(events)])
        self._half_character = text[-1:] if text[-1:] in HIGH_SURROGATES else ""
        return whole_characters(text.removesuffix(self._half_character))

    def message(self) -> dict[str, object]:
        """What was said so far."""
        texts = {name: whole_characters("".join(parts)) for name, parts in self._texts.items()}
        message: dict[str, object] = {"role": "assistant", "content": None, **texts}
        if self._tool_calls:
            message["tool_calls"] = [_with_whole_arguments(self._tool_calls[index]) for index in sorted(self._tool_calls)]
        return message

    def _take(self, delta: dict[str, Any]) -> str:
        for name in ("content", "refusal", "reasoning_content", "reasoning"):
            if text := text_of(delta, name):
                self._texts.setdefault(name, []).append(text)
        tool_calls = delta.get("tool_calls")
        for part in tool_calls if isinstance(tool_calls, list) else ():
            if isinstance(part, dict):
                self._take_tool_call(part)
        return text_of(delta, "content")

    def _take_tool_call(self, part: dict[str, Any]) -> None:
        """A call's id, type and name come once, its arguments in pieces."""
        index = part.get("index")
        call = self._tool_calls.setdefault(
            index if isinstance(index, int) else 0, {"id": None, "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = whole_characters(text_of(part, "id")) or call["id"]
        function = part.get("function")
        if isinstance(function, dict):
            call["function"]["name"] = whole_characters(text_of(function, "name")) or call["function"]["name"]
            call["function"]["arguments"] += text_of(function, "arguments")


def _with_whole_arguments(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": whole_characters(function["arguments"])}}


def text_of(value: Mapping[str, object], name: str) -> str:
    """The text under that name; empty where there is none, or something else."""
    text = value.get(name)
    return text if isinstance(text, str) else ""


def whole_characters(text: str) -> str:
    """The text with both halves of a character put together, and a lone half replaced: it could not be written."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def deltas(events: bytes) -> Iterator[dict[str, Any]]:
    """The first choice's delta of each event that has one."""
    for chunk in chunks(events):
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0 and isinstance(choice.get("delta"), dict):
                yield choice["delta"]


def chunks(events: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects of the events. The executor has seen that choices are objects; what they hold is the provider's."""
    for line in events.split(b"\n"):
        if line.startswith(DATA_PREFIX):
            value = json.loads(line[len(DATA_PREFIX) :])
            if isinstance(value, dict):
                yield value
