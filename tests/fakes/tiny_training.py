"""Prompts in which one word gives the category away, and models that fail the long ones: little to learn, and quickly learned."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.fusion import Difficulty
from pointsman.learning.data.collecting import training_data
from pointsman.learning.data.encoding import PromptEncoder
from pointsman.learning.data.graded import GradedPrompt
from pointsman.learning.data.labelled import EXAMPLES_FOLDER, LABELS, LABELS_FILE, LabelledPrompt
from pointsman.learning.data.training_data import TrainingData
from pointsman.learning.fitting import text_fit
from pointsman.learning.fitting.training import SuccessPart, train_artifact
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder

NO_RULES = compile_rules([])
DIMENSIONS = 64
FEW_STEPS = 12
SUBJECTS = ("apples", "rivers", "engines", "ladders", "clouds", "violins", "harbours", "lanterns", "meadows")
# By turns: shown, written for training alone, of a folder.
ORIGINS = (EXAMPLES_FOLDER, "plain", LABELS)
COMPLEXITIES = {Difficulty.EASY: 0.2, Difficulty.MEDIUM: 0.5, Difficulty.HARD: 0.8}
PROMPTS = tuple(
    LabelledPrompt(
        f"{category} {category} {subject}",
        category,
        level := list(Difficulty)[(number + number // 3) % 3],
        0.5,
        None if number % 3 == 0 else COMPLEXITIES[level],
        origin=ORIGINS[number % 3],
    )
    for category in BUILT_IN_CATEGORIES
    for number, subject in enumerate(SUBJECTS)
)
OWN = tuple(prompt for prompt in PROMPTS if prompt.is_own)
FOLDER_LABELS = tuple(prompt for prompt in PROMPTS if not prompt.is_own)


def record(source: str, number: int, split: str, scores: dict[str, float], **meta: Any) -> dict[str, Any]:
    """A record of a data folder; every third prompt is long."""
    prompt = f"{source} task {number} " + "with one more clause " * (0 if number % 3 else 8)
    return {
        "id": f"{source}:{number}",
        "source": source,
        "split": split,
        "category": None,
        "prompt": prompt,
        "scores": scores,
        "meta": meta,
    }


def graded_records(source: str, split: str, *models: str, count: int = 30) -> list[dict[str, Any]]:
    """The first model fails hardly ever, the others what is long, and one prompt in seven."""
    return [
        record(
            source, n, split, {model: float(n % 11 > 0 if place == 0 else n % 3 > 0 and n % 7 > 0) for place, model in enumerate(models)}
        )
        for n in range(count)
    ]


def write_graded(folder: Path, records: Sequence[dict[str, Any]]) -> None:
    """A file for each source."""
    for source in sorted({entry["source"] for entry in records}):
        with gzip.open(folder / f"{source.replace('/', '_')}.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(entry) + "\n" for entry in records if entry["source"] == source)


def write_labels(folder: Path, prompts: Sequence[LabelledPrompt] = FOLDER_LABELS) -> None:
    """The file of labels."""
    entries = [
        {
            "id": f"cat:{number}",
            "prompt": prompt.text,
            "category": prompt.category,
            "difficulty": prompt.difficulty.value,
            "complexity": prompt.complexity,
            "creativity": prompt.creativity,
            "tags": ["typo"] if number % 2 else [],
        }
        for number, prompt in enumerate(prompts)
    ]
    (folder / LABELS_FILE).write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def tiny_encoder(folder: Path) -> PromptEncoder:
    """It keeps what it encodes in the folder."""
    return PromptEncoder(HashingEncoder(DIMENSIONS), folder)


def tiny_data(encoder: PromptEncoder, prompts: Sequence[LabelledPrompt] = PROMPTS) -> TrainingData:
    """The prompts, and the answers of two models on one source."""
    graded = [
        GradedPrompt(entry["source"], entry["prompt"], tuple(sorted(entry["scores"].items())), entry["source"])
        for entry in graded_records("maths", "train", "big", "small")
    ]
    return training_data(prompts, graded, encoder, NO_RULES)


def train_quickly(data: TrainingData, report: Mapping[str, Any], *, success: SuccessPart | None = None) -> Artifact:
    """As train_artifact, in few steps: these prompts need no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_fit, "MAX_ITERATIONS", FEW_STEPS)
        return train_artifact(data, report, success=success)
