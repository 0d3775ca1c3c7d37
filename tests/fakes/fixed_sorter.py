"""A fine-tuned classifier that says the same of every text."""

from collections.abc import Sequence

import numpy as np

from pointsman.classifier.core.ports import Embeddings, TokenIds
from tests.fakes.hashing_encoder import HashingEncoder


class FixedSorter(HashingEncoder):
    """The SequenceClassifier port for tests; `is_broken` makes it fail, as it does the encoder."""

    def __init__(self, **shares: float) -> None:
        """shares: probability by label."""
        super().__init__()
        self._shares = shares

    @property
    def name(self) -> str:
        return "sorter"

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._shares)

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        super().encode(batch)
        return np.tile(np.array(list(self._shares.values()), np.float32), (len(batch), 1))
