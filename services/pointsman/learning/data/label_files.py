"""The files of `pointsman label`: prompts to be labelled, and the labels, to which is only ever added.

A label is on the disk before the next one is asked for, so what was paid for is not paid for again.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pointsman.gateway.core.llm_judgement import LlmAnswer
from pointsman.learning.data.labelled import InvalidData, fingerprint


@dataclass(frozen=True, slots=True)
class UnlabelledPrompt:
    """A prompt, known by its id or, where it came without one, by its text."""

    id: str
    text: str = field(repr=False)


def read_prompts(path: Path) -> tuple[UnlabelledPrompt, ...]:
    """The prompts of a file with one JSON object a line: `prompt`, and perhaps `id`; what else it holds is left alone.

    The same prompt twice counts once. Raises InvalidData with the first line that is none, or whose id is another prompt's.
    """
    found: dict[str, UnlabelledPrompt] = {}
    for number, line in enumerate(_lines_of(path), start=1):
        if not line.strip():
            continue
        prompt = _prompt_of(line)
        if prompt is None:
            raise InvalidData(f"{path}:{number}: one JSON object is asked for, with prompt as a text that is not empty")
        if found.setdefault(prompt.id, prompt).text != prompt.text:
            raise InvalidData(f"{path}:{number}: id {prompt.id!r} is another prompt's")
    return tuple(found.values())


class LabelFile:
    """The labels, open to be added to."""

    def __init__(self, file: BinaryIO, ids: set[str]) -> None:
        """Use open_labels."""
        self._file = file
        self.ids = ids

    def add(self, prompt: UnlabelledPrompt, answer: LlmAnswer, *, judge: str) -> None:
        """Keep a label; it is in the file when this returns. Raises OSError."""
        record: dict[str, object] = {
            "id": prompt.id,
            "prompt": prompt.text,
            "category": answer.category,
            "difficulty": answer.difficulty.value,
            "complexity": answer.complexity,
            "creativity": answer.creativity,
            "tags": [],
            "judge": judge,
        }
        self._file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        self._file.flush()
        self.ids.add(prompt.id)


@contextmanager
def open_labels(path: Path) -> Iterator[LabelFile]:
    """Open the file, or make it; a half line at its end, left by a process that was killed, is dropped.

    Raises InvalidData where it holds what is no label, or another process writes it; then nothing of it is changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidData(f"{path}: another process writes it") from error
        file.seek(0)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        ids = {_id_of_label(line, f"{path}:{number}") for number, line in enumerate(whole.splitlines(), start=1) if line.strip()}
        os.truncate(file.fileno(), len(whole))
        yield LabelFile(file, ids)


def left_to_label(prompts: Sequence[UnlabelledPrompt], labels: LabelFile, *, limit: int | None = None) -> tuple[UnlabelledPrompt, ...]:
    """The prompts without a label, in order; the first `limit` of them."""
    return tuple(prompt for prompt in prompts if prompt.id not in labels.ids)[:limit]


def _lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise InvalidData(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error


def _prompt_of(line: str) -> UnlabelledPrompt | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    text = entry.get("prompt") if isinstance(entry, dict) else None
    if not isinstance(text, str) or not text.strip():
        return None
    given = entry.get("id")
    return UnlabelledPrompt(fingerprint(text) if given in (None, "") else str(given), text)


def _id_of_label(line: bytes, place: str) -> str:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise InvalidData(f"{place}: is no label") from error
