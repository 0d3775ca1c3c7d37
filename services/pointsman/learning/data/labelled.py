"""Prompts with their category and difficulty: the product's own, and a folder's labels."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from pointsman.classifier.core.fusion import Difficulty
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

# Shown as nearest examples, and what the keyword rules were written by.
EXAMPLES_FOLDER = "examples"
# Written for training alone, by people who had not seen the rules; a file for each kind of difficulty.
PROMPTS_FOLDER = "prompts"
LABELS_FILE = "category_labels.jsonl"
LABELS = "labels"
FINGERPRINT_LENGTH = 16
# The fast one, where PyYAML was built with it: the files are half a megabyte.
YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class InvalidData(Exception):
    """A file of labelled or graded prompts cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class LabelledPrompt:
    """A prompt that a person has judged."""

    text: str
    category: str
    difficulty: Difficulty
    creativity: float  # 0 to 1
    complexity: float | None = None  # 0 to 1; None: the class alone is known
    tags: tuple[str, ...] = ()  # typo, non_english, adversarial, long, code_only
    origin: str = EXAMPLES_FOLDER  # the folder of examples, a file of prompts, or LABELS

    @property
    def is_example(self) -> bool:
        """True where it may be shown."""
        return self.origin == EXAMPLES_FOLDER

    @property
    def is_own(self) -> bool:
        """True where it was written for the product."""
        return self.origin != LABELS

    def bucket(self, count: int) -> int:
        """A number below `count` that depends on the text alone."""
        return int.from_bytes(hashlib.sha256(self.text.encode()).digest()[:8]) % count


def load_own() -> tuple[LabelledPrompt, ...]:
    """The prompts written for the product: examples by category's file name, then the prompts' files, each in file order."""
    examples = [
        labelled_prompt(entry, document["category"], EXAMPLES_FOLDER)
        for _, document in documents(EXAMPLES_FOLDER)
        for entry in document["examples"]
    ]
    prompts = [
        labelled_prompt(entry, entry["category"], name) for name, document in documents(PROMPTS_FOLDER) for entry in document["prompts"]
    ]
    return (*examples, *prompts)


def load_own_examples() -> tuple[LabelledPrompt, ...]:
    """Those of them that are shown."""
    return tuple(prompt for prompt in load_own() if prompt.is_example)


def documents(folder: str) -> list[tuple[str, Any]]:
    """Name and content of each file of a folder, by name."""
    files = sorted(
        (file for file in resources.files("pointsman.learning").joinpath(folder).iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    return [(file.name.removesuffix(".yaml"), yaml.load(file.read_text(encoding="utf-8"), YamlLoader)) for file in files]  # noqa: S506  # both are safe


def load_labels(folder: Path) -> tuple[LabelledPrompt, ...]:
    """The labels of a data folder; none where it has no such file. Raises InvalidData."""
    path = folder / LABELS_FILE
    if not path.exists():
        return ()
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return tuple(labelled_prompt(entry | {"text": entry["prompt"]}, entry["category"], LABELS) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidData(f"{path}: {error!r}") from error


def labelled_prompt(entry: Mapping[str, Any], category: str, origin: str) -> LabelledPrompt:
    """One prompt from its entry in a file. Raises KeyError, TypeError or ValueError where it is none."""
    shares = [float(entry[name]) for name in ("creativity", "complexity") if entry.get(name) is not None]
    if category not in BUILT_IN_CATEGORIES:
        raise ValueError(f"{category}: no category; there is: {', '.join(BUILT_IN_CATEGORIES)}")
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise ValueError(f"{entry['text'][:40]!r}: creativity and complexity are from 0 to 1")
    return LabelledPrompt(
        text=plain(entry["text"]),
        category=category,
        difficulty=Difficulty(entry["difficulty"]),
        creativity=float(entry["creativity"]),
        complexity=None if entry.get("complexity") is None else float(entry["complexity"]),
        tags=tuple(entry.get("tags", ())),
        origin=origin,
    )


def plain(text: object) -> str:
    """The text. Raises TypeError where it is none."""
    if not isinstance(text, str):
        raise TypeError(f"{text!r}: not a text")
    return text


def fingerprint(text: str) -> str:
    """A short hash by which a prompt is known again, without regard to case and spacing."""
    return hashlib.sha256(" ".join(text.lower().split()).encode("utf-8", "replace")).hexdigest()[:FINGERPRINT_LENGTH]


def digest_of(prompts: Sequence[LabelledPrompt]) -> str:
    """sha256 of labelled prompts, in hex."""
    lines = sorted(repr((p.text, p.category, p.difficulty.value, p.creativity, p.complexity, p.tags)) for p in prompts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
