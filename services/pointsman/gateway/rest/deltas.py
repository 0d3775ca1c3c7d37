"""Puts a streamed OpenAI message together again."""

import json
from collections.abc import Iterator
from typing import Any

DATA_PREFIX = b"data:"


class MessageBuilder:
    """The first choice's message, as its deltas come."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self._texts: dict[str, list[str]] = {}
        self._tool_calls: dict[int, dict[str, Any]] = {}

    def feed(self, events: bytes) -> str:
        """Take whole events; the text that they add."""
        pieces = [self._take(delta) for delta in deltas(events)]
        return "".join(pieces)

    def message(self) -> dict[str, object]:
        """What was said so far."""
        texts = {name: "".join(parts) for name, parts in self._texts.items()}
        message: dict[str, object] = {"role": "assistant", "content": None, **texts}
        if self._tool_calls:
            message["tool_calls"] = [self._tool_calls[index] for index in sorted(self._tool_calls)]
        return message

    def _take(self, delta: dict[str, Any]) -> str:
        for name in ("content", "refusal", "reasoning_content", "reasoning"):
            if isinstance(text := delta.get(name), str) and text:
                self._texts.setdefault(name, []).append(text)
        for part in delta.get("tool_calls") or ():
            self._take_tool_call(part)
        return delta.get("content") or ""

    def _take_tool_call(self, part: dict[str, Any]) -> None:
        """A call's id, type and name come once, its arguments in pieces."""
        call = self._tool_calls.setdefault(
            part.get("index", 0), {"id": None, "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = part.get("id") or call["id"]
        function = part.get("function") or {}
        call["function"]["name"] = function.get("name") or call["function"]["name"]
        call["function"]["arguments"] += function.get("arguments") or ""


def deltas(events: bytes) -> Iterator[dict[str, Any]]:
    """The first choice's delta of each event that has one."""
    for chunk in chunks(events):
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0 and isinstance(choice.get("delta"), dict):
                yield choice["delta"]


def chunks(events: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects of the events. They come from the executor, which has made them."""
    for line in events.split(b"\n"):
        if line.startswith(DATA_PREFIX):
            value = json.loads(line[len(DATA_PREFIX) :])
            if isinstance(value, dict):
                yield value
