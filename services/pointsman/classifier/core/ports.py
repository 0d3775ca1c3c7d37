"""What the classifier needs from outside: something that turns text into vectors."""

from collections.abc import Sequence
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
        """What it is and how it computes, such as "onnx-int8"."""

    def tokenize(self, text: str) -> TokenIds:
        """Tokens of a text, 2 to the encoder's own limit; what is too long loses its middle. Never fails."""

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        """One unit vector for each entry, in order; an entry's vector does not depend on the others.

        Raises EncoderFailed for the whole batch.
        """
