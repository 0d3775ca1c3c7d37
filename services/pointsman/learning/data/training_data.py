"""Prompts with all that the heads read of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.ngrams import BUCKETS, ngrams_of
from pointsman.learning.data.graded import GradedPrompt
from pointsman.learning.data.labelled import LabelledPrompt


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What to learn from.

    inputs: float32 (n, d + f) of the prompts, embeddings, then raw features; ngrams: (n, BUCKETS); evidence: float32
    (n, k + 1) of the rules. graded_inputs: float32 (m, d + f) of the graded prompts.
    """

    prompts: tuple[LabelledPrompt, ...]
    inputs: NDArray[np.float32]
    ngrams: csr_array
    evidence: NDArray[np.float32]
    graded: tuple[GradedPrompt, ...]
    graded_inputs: NDArray[np.float32]
    encoder: str

    @property
    def dimensions(self) -> int:
        """Length of the embeddings."""
        return int(self.inputs.shape[1]) - len(FEATURE_NAMES)

    def subset(self, indices: Sequence[int]) -> "TrainingData":
        """The same with some of the labelled prompts."""
        rows = list(indices)
        return replace(
            self,
            prompts=tuple(self.prompts[index] for index in rows),
            inputs=self.inputs[rows],
            ngrams=self.ngrams[rows],
            evidence=self.evidence[rows],
        )


def ngram_rows(texts: Sequence[str]) -> csr_array:
    """(n, BUCKETS), a unit vector for each text."""
    found = [ngrams_of(text) for text in texts]
    starts = np.cumsum([0, *(len(ngrams.buckets) for ngrams in found)])
    columns = np.concatenate([ngrams.buckets for ngrams in found])
    weights = np.concatenate([ngrams.weights for ngrams in found]).astype(np.float64)
    return csr_array((weights, columns, starts), shape=(len(texts), BUCKETS))
