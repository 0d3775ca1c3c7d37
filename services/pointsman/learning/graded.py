"""Prompts that models have answered and somebody has graded: what difficulty is measured by."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.labelled import InvalidData

GRADED_FILES = "*.jsonl.gz"
# Enough of each source: more of the large ones would drown the small, and each prompt takes 2 to 20 ms to encode.
MAX_PROMPTS_PER_SOURCE = 1_200
HELD_OUT_SPLIT = "heldout"


@dataclass(frozen=True, slots=True)
class GradedPrompt:
    """A prompt with the grade, 0 to 1, of each model's answer."""

    source: str
    text: str
    scores: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """One row for each graded answer. A solver is a model on one source: sources differ in how they ask."""

    prompt: NDArray[np.int64]  # index of the prompt
    solver: NDArray[np.int64]
    score: NDArray[np.float64]  # 0 to 1
    solvers: tuple[tuple[str, str], ...]  # (source, model)


def load_graded(folder: Path, split: str, *, max_per_source: int = MAX_PROMPTS_PER_SOURCE) -> tuple[GradedPrompt, ...]:
    """Graded prompts of one split, the same ones each time. Raises InvalidData."""
    if split == HELD_OUT_SPLIT:
        raise InvalidData(f"{folder}: the split {split} is for the final test alone")
    prompts: list[GradedPrompt] = []
    for path in sorted(folder.glob(GRADED_FILES)):
        found = [record for record in records(path) if record["split"] == split and record["scores"]]
        found.sort(key=lambda record: hashlib.sha256(record["id"].encode()).digest())
        prompts += [graded_prompt(record) for record in found[:max_per_source]]
    return tuple(prompts)


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Records of one file. Raises InvalidData."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidData(f"{path}: {error}") from error


def graded_prompt(record: dict[str, Any]) -> GradedPrompt:
    """A record's prompt and grades."""
    scores = tuple(sorted((model, float(score)) for model, score in record["scores"].items()))
    return GradedPrompt(record["source"], record["prompt"], scores)


def observations_of(prompts: Sequence[GradedPrompt]) -> Observations:
    """The grades as columns."""
    solvers = sorted({(prompt.source, model) for prompt in prompts for model, _ in prompt.scores})
    numbers = {solver: number for number, solver in enumerate(solvers)}
    rows = [(index, numbers[prompt.source, model], score) for index, prompt in enumerate(prompts) for model, score in prompt.scores]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return Observations(np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64), tuple(solvers))


def digest_of(prompts: Sequence[GradedPrompt]) -> str:
    """sha256 of graded prompts, in hex."""
    return hashlib.sha256("\n".join(repr((p.source, p.text, p.scores)) for p in prompts).encode()).hexdigest()
