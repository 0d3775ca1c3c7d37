"""Prompts with their category and difficulty: the product's own examples, and a folder's labels."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from pointsman.classifier.core.fusion import Difficulty

EXAMPLES_FOLDER = "examples"
LABELS_FILE = "category_labels.jsonl"
# A quarter of the own examples is kept out where they are tested, by the hash of the text: adding one moves no other.
HELD_OUT_ONE_IN = 4
FINGERPRINT_LENGTH = 16


class InvalidData(Exception):
    """A file of labelled or graded prompts cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class LabelledPrompt:
    """A prompt that a person has judged."""

    text: str
    category: str
    difficulty: Difficulty
    creativity: float  # 0 to 1
    tags: tuple[str, ...] = ()  # typo, non_english, adversarial
    is_own: bool = True  # may be shipped as an example

    def bucket(self, count: int) -> int:
        """A number below `count` that depends on the text alone."""
        return int.from_bytes(hashlib.sha256(self.text.encode()).digest()[:8]) % count


def load_own_examples() -> tuple[LabelledPrompt, ...]:
    """The prompts written for the product, by category's file name, then in file order."""
    folder = resources.files("pointsman.learning").joinpath(EXAMPLES_FOLDER)
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return tuple(labelled_prompt(entry, document["category"], is_own=True) for document in documents for entry in document["examples"])


def load_labels(folder: Path) -> tuple[LabelledPrompt, ...]:
    """The labels of a data folder; none where it has no such file. Raises InvalidData."""
    path = folder / LABELS_FILE
    if not path.exists():
        return ()
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return tuple(labelled_prompt(entry | {"text": entry["prompt"]}, entry["category"], is_own=False) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidData(f"{path}: {error!r}") from error


def labelled_prompt(entry: Mapping[str, Any], category: str, *, is_own: bool) -> LabelledPrompt:
    """One prompt from its entry in a file."""
    return LabelledPrompt(
        text=entry["text"],
        category=category,
        difficulty=Difficulty(entry["difficulty"]),
        creativity=float(entry["creativity"]),
        tags=tuple(entry.get("tags", ())),
        is_own=is_own,
    )


def fingerprint(text: str) -> str:
    """A short hash by which a prompt is known again, without regard to case and spacing."""
    return hashlib.sha256(" ".join(text.lower().split()).encode("utf-8", "replace")).hexdigest()[:FINGERPRINT_LENGTH]


def digest_of(prompts: Sequence[LabelledPrompt]) -> str:
    """sha256 of labelled prompts, in hex."""
    lines = sorted(repr((p.text, p.category, p.difficulty.value, p.creativity)) for p in prompts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
