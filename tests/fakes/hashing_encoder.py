"""An encoder without a model: words hashed into a few dimensions, the same on every machine."""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np

from pointsman.classifier.core.ports import Embeddings, EncoderFailed, TokenIds

MAX_TOKENS = 256


class HashingEncoder:
    """The Encoder port for tests: texts that share words are near each other.

    Keeps what it was asked to encode. `gate`, where given, has to be set for `encode` to go on,
    so that a test can hold the encoder while texts gather.
    """

    def __init__(self, dimensions: int = 384, *, gate: threading.Event | None = None) -> None:
        self.batches: list[list[TokenIds]] = []
        self.is_broken = False
        self._dimensions = dimensions
        self._gate = gate

    @property
    def name(self) -> str:
        return "hashing"

    @property
    def model(self) -> str:
        return "hashing"

    @property
    def device(self) -> str:
        return "cpu"

    def tokenize(self, text: str) -> TokenIds:
        words = [int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest()) for word in text.lower().split()]
        return (101, *words[: MAX_TOKENS - 2], 102)

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        self.batches.append(list(batch))
        if self._gate is not None:
            self._gate.wait(timeout=10)
        if self.is_broken:
            raise EncoderFailed("broken on purpose")
        rows = np.zeros((len(batch), self._dimensions), np.float32)
        for row, tokens in zip(rows, batch, strict=True):
            for token in tokens:
                row[token % self._dimensions] += 1 if token & 1 else -1
        lengths = np.linalg.norm(rows, axis=1, keepdims=True).astype(np.float32)
        unit: Embeddings = rows / np.maximum(lengths, np.float32(1e-6))
        return unit
