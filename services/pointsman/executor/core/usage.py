"""Tokens that a call used: as the provider says, or as we estimate."""

from collections.abc import Mapping
from dataclasses import dataclass

# No window or answer comes near; what is larger is a provider's mistake, and would be a costly one.
MAX_BELIEVABLE_TOKEN_COUNT = 100_000_000
BYTES_PER_TOKEN = 4  # of English in the usual vocabularies; the gateway estimates alike


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one call; all are 0 or more. estimated: the provider gave no usable figure."""

    input_token_count: int
    output_token_count: int
    cached_input_token_count: int = 0
    cache_write_token_count: int = 0
    reasoning_token_count: int = 0
    estimated: bool = False


def usage_from_openai(value: object) -> TokenUsage | None:
    """The usage of OpenAI's shape; None where it is missing or can not be true."""
    if not isinstance(value, Mapping):
        return None
    counts = (
        _count(value, "prompt_tokens"),
        _count(value, "completion_tokens"),
        _count(_part(value, "prompt_tokens_details"), "cached_tokens", default=0),
        _count(_part(value, "prompt_tokens_details"), "cache_write_tokens", default=0),
        _count(_part(value, "completion_tokens_details"), "reasoning_tokens", default=0),
    )
    prompt, completion, cached, written, reasoning = counts
    if prompt is None or completion is None or cached is None or written is None or reasoning is None:
        return None
    if cached + written > prompt or reasoning > completion:
        return None
    return TokenUsage(prompt, completion, cached, written, reasoning)


def estimated_token_count(byte_count: int) -> int:
    """Tokens of a text of so many bytes, rounded up."""
    return -(-byte_count // BYTES_PER_TOKEN)


def prompt_byte_count(document: Mapping[str, object]) -> int:
    """Bytes of text that a chat request's messages and tools hold; images and sounds are left out."""
    return _text_bytes(document.get("messages")) + _text_bytes(document.get("tools"))


_NOT_TEXT = frozenset({"image_url", "input_audio", "file"})


def _text_bytes(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    if isinstance(value, Mapping):
        return sum(_text_bytes(item) for name, item in value.items() if name not in _NOT_TEXT)
    if isinstance(value, list):
        return sum(_text_bytes(item) for item in value)
    return 0


def _part(value: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = value.get(name)
    return part if isinstance(part, Mapping) else {}


def _count(value: Mapping[str, object], name: str, *, default: int | None = None) -> int | None:
    """The count, the default where it is missing or null, None where it is no believable one."""
    count = value.get(name)
    if count is None:
        return default
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_BELIEVABLE_TOKEN_COUNT:
        return None
    return count
