"""Prompts that models have answered and somebody has graded: what success is learned from and measured by."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.data.labelled import InvalidData, plain

GRADED_FILES = "*.jsonl.gz"
TRAINING_SPLIT = "train"
# What MMLU-Pro says of questions that it took from MMLU; the rest of it names where else they come from.
FROM_MMLU = "ori_mmlu-"
# The same kind of work under several names; and what is named like a category, but is narrower.
SAME_SKILL = {"gsm": "gsm8k", "agentverse-mgsm": "gsm8k", "math": "competition_math"}


@dataclass(frozen=True, slots=True)
class GradedPrompt:
    """A prompt with the grade, 0 to 1, of each model's answer."""

    source: str
    text: str
    scores: tuple[tuple[str, float], ...]
    skill: str  # what kind of work it is, finer than a category
    category: str | None = None  # a weak label; None: unknown
    is_contaminated: bool = False  # a model is known to have seen it


@dataclass(frozen=True, slots=True, eq=False)
class Grades:
    """scores: float32 (n, m), NaN where a model did not answer a prompt; models: m names, in order."""

    scores: NDArray[np.float32]
    models: tuple[str, ...]


def load_graded(folder: Path, *, training: bool) -> tuple[GradedPrompt, ...]:
    """Graded prompts for training, or all others: validation and held out. In an order that lasts. Raises InvalidData."""
    prompts: list[GradedPrompt] = []
    for path in sorted(folder.glob(GRADED_FILES)):
        try:
            found = [record for record in records(path) if record["scores"] and (record["split"] == TRAINING_SPLIT) is training]
            found.sort(key=lambda record: hashlib.sha256(record["id"].encode()).digest())
            prompts += [graded_prompt(record) for record in found]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidData(f"{path}: {error!r}") from error
    return tuple(prompts)


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Records of one file. Raises InvalidData."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise InvalidData(f"{path}: {error}") from error


def graded_prompt(record: dict[str, Any]) -> GradedPrompt:
    """A record's prompt, grades and skill. Raises KeyError, TypeError, ValueError or AttributeError where it is none."""
    scores = tuple(sorted((model, float(score)) for model, score in record["scores"].items()))
    if not all(0.0 <= score <= 1.0 for _, score in scores):
        raise ValueError(f"{record['id']}: scores are from 0 to 1")
    return GradedPrompt(
        source=plain(record["source"]),
        text=plain(record["prompt"]),
        scores=scores,
        skill=skill_of(record["source"], record.get("meta") or {}),
        category=record.get("category"),
        is_contaminated=bool((record.get("meta") or {}).get("contaminated")),
    )


def skill_of(source: str, meta: Mapping[str, Any]) -> str:
    """The subject, else the task without what follows its first underscore, else the source without what goes before it."""
    origin, subject, task = str(meta.get("src") or ""), meta.get("subject"), meta.get("task")
    if origin.startswith(FROM_MMLU):
        name = origin.removeprefix(FROM_MMLU)
    elif subject:
        name = f"{subject}_{origin.split('-')[0]}" if origin else str(subject)
    else:
        name = str(task).split("_", 1)[0] if task else source.split("_", 1)[-1]
    name = name.lower().replace(" ", "_")
    return SAME_SKILL.get(name, name)


def grades_of(prompts: Sequence[GradedPrompt], models: Sequence[str] | None = None) -> Grades:
    """The grades as a table. models: whose; None: all of them."""
    names = tuple(sorted({model for prompt in prompts for model, _ in prompt.scores}) if models is None else models)
    numbers = {name: number for number, name in enumerate(names)}
    scores = np.full((len(prompts), len(names)), np.nan, np.float32)
    for row, prompt in enumerate(prompts):
        for model, score in prompt.scores:
            if model in numbers:
                scores[row, numbers[model]] = score
    return Grades(scores, names)


def digest_of(prompts: Sequence[GradedPrompt]) -> str:
    """sha256 of graded prompts, in hex."""
    return hashlib.sha256("\n".join(repr((p.source, p.text, p.scores, p.skill)) for p in prompts).encode()).hexdigest()
