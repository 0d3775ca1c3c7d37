"""What may be asked: limits of the contract, stated in the proto, the same over gRPC and REST."""

from collections.abc import Sequence
from typing import TypeVar

from pointsman.classifier.core.turn import Turn
from pointsman.kit.errors import InvalidArgument

MAX_TEXT_CHARACTERS = 1_000_000
MAX_DIGEST_CHARACTERS = 2_000
MAX_SCOPE_CHARACTERS = 128
MAX_BATCH = 64

Prompt = TypeVar("Prompt")


def turn_of(text: str, *, field: str, digest: str = "", scope: str = "", within: str = "") -> Turn:
    """A prompt within its limits. field: the text's name; within: what goes before the names of digest and scope.

    Raises InvalidArgument, naming the field and echoing nothing.
    """
    if not text:
        raise InvalidArgument("invalid_value", f"{field}: is empty", param=field)
    require_short(text, field, MAX_TEXT_CHARACTERS, reason="context_length_exceeded")
    require_short(digest, f"{within}context_digest", MAX_DIGEST_CHARACTERS)
    require_short(scope, f"{within}cache_scope", MAX_SCOPE_CHARACTERS)
    return Turn(text, digest, scope)


def require_short(text: str, field: str, most: int, *, reason: str = "invalid_value") -> None:
    """Raise InvalidArgument where a text is longer."""
    if len(text) > most:
        raise InvalidArgument(reason, f"{field}: {len(text)} characters, at most {most} allowed", param=field)


def require_batch(prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    """The prompts. Raises InvalidArgument where there are too many, or none."""
    if not 1 <= len(prompts) <= MAX_BATCH:
        raise InvalidArgument("invalid_value", f"prompts: {len(prompts)} given, 1 to {MAX_BATCH} allowed", param="prompts")
    return prompts
