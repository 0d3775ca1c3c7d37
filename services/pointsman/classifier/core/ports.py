"""What the classifier needs from outside: something that turns text into vectors, something that keeps judgements."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

TokenIds: TypeAlias = tuple[int, ...]
"""A text as the encoder's vocabulary has it, special tokens included."""

Embedding: TypeAlias = NDArray[np.float32]
"""float32 (d,), L2-normalised."""

Embeddings: TypeAlias = NDArray[np.float32]
"""float32 (n, d), rows L2-normalised."""


class EncoderFailed(Exception):
    """The encoder broke on an input or on its own; the caller goes on without an embedding."""


class Encoder(Protocol):
    """Sentence encoder. Both methods compute in the calling thread: `tokenize` in several at once, `encode` in one at a time."""

    @property
    def name(self) -> str:
        """What it is and how it computes, such as "onnx-int8" or "torch-bf16:all-MiniLM-L6-v2"."""

    @property
    def model(self) -> str:
        """Which weights: vectors of one model are near enough, however they were computed, to be read by the same heads."""

    @property
    def device(self) -> str:
        """What it computes on: "cpu" or "cuda"."""

    def tokenize(self, text: str) -> TokenIds:
        """Tokens of a text, 2 to the encoder's own limit; what is too long loses its middle. Never fails."""

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        """One unit vector for each entry, in order; what others are in the batch changes it by rounding at most.

        Raises EncoderFailed for the whole batch.
        """


class SequenceClassifier(Encoder, Protocol):
    """A fine-tuned model that sorts texts. What it makes of a text is no vector but the probability of each label."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, in the order of the probabilities."""

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        """float32 (n, labels), rows sum to 1. Raises EncoderFailed for the whole batch."""


class CacheEvent(StrEnum):
    """What happened around the cache; a closed set, counted."""

    HIT = "hit"
    MISS = "miss"
    ERROR = "error"  # a question or a write that was not answered, or was refused
    DISCARDED = "discarded"  # found, but not to be believed
    DROPPED_WRITE = "dropped_write"  # not even tried
    OPEN = "open"  # a question that was not asked, because what keeps them is away


class JudgementCache(Protocol):
    """Bytes by key, kept for a while. It never fails: what cannot be had is missing, what cannot be kept is lost."""

    @property
    def name(self) -> str:
        """What keeps them: "redis" or "memory"."""

    @property
    def is_away(self) -> bool:
        """True where what keeps them is left alone, because it did not answer; known once somebody has asked."""

    async def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """What is kept under each key, in order; None where nothing is, or where it cannot be had soon enough."""

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value, at once for this process, soon for the others; nobody waits for it."""

    def discard(self, key: bytes) -> None:
        """Forget what is kept under a key, as soon as `put` would keep it."""
