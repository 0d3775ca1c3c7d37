"""Known prompts near the one judged: they explain it, and make categories that a catalogue adds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

NEAREST_COUNT = 3


@dataclass(frozen=True, slots=True)
class NearestExample:
    """A known prompt near the one judged; never a user's."""

    text: str
    category: str
    similarity: float  # cosine


@dataclass(frozen=True, slots=True, eq=False)
class ExampleSet:
    """Known prompts. embeddings: float32 (n, d), rows L2-normalised; texts and categories: n of each."""

    texts: tuple[str, ...]
    categories: tuple[str, ...]
    embeddings: Vector

    def __post_init__(self) -> None:
        """Raise ValueError where the parts do not agree."""
        if self.embeddings.ndim != 2 or not len(self.texts) == len(self.categories) == len(self.embeddings):
            raise ValueError("as many texts as categories and embeddings are needed")


@dataclass(frozen=True, slots=True, eq=False)
class AddedCategory:
    """A category that a catalogue adds. embeddings: float32 (n, d) of its examples, rows L2-normalised."""

    name: str
    examples: tuple[str, ...]
    embeddings: Vector


def nearest_examples(embedding: Vector, known: ExampleSet, added: Sequence[AddedCategory] = ()) -> tuple[NearestExample, ...]:
    """The nearest known prompts by cosine, nearest first, at most 3; of equals the earlier one."""
    found = top_examples(embedding, known.texts, known.categories, known.embeddings)
    for category in added:
        names = (category.name,) * len(category.examples)
        found += top_examples(embedding, category.examples, names, category.embeddings)
    return tuple(sorted(found, key=lambda example: -example.similarity)[:NEAREST_COUNT])


def top_examples(embedding: Vector, texts: Sequence[str], categories: Sequence[str], embeddings: Vector) -> list[NearestExample]:
    """The nearest of one set, nearest first."""
    similarities = embeddings @ embedding
    count = min(NEAREST_COUNT, len(similarities))
    if count == 0:
        return []
    nearest = np.argpartition(similarities, -count)[-count:]
    order = nearest[np.lexsort((nearest, -similarities[nearest]))]
    return [NearestExample(texts[index], categories[index], float(similarities[index])) for index in order.tolist()]


def added_category_of(nearest: Sequence[NearestExample], added: Sequence[AddedCategory], min_similarity: float) -> NearestExample | None:
    """The nearest example, where it belongs to an added category and is near enough; else None.

    So an added category wins only over every built-in example, and only by a prompt much like its own.
    """
    if not nearest or nearest[0].similarity < min_similarity:
        return None
    return nearest[0] if any(nearest[0].category == category.name for category in added) else None
