"""`make bench-peers`: the classifier beside others that read a prompt by the same model, and its runtime beside OpenVINO.

One core, one text at a time. Each contender is a process of its own, the others by the interpreter of .venv-peers; they are
asked in turns, three times over, the same prompts, and the median round counts. Alone on the machine, please.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.bench import PRODUCT_CORE, pinned
from loadtest.contender import Options
from loadtest.prompts import short_prompts
from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.adapters.encoder_loading import installed_minilm, load_encoder

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = ROOT / ".venv-peers/bin/python"
ROUNDS = 3
PROMPT_COUNT = 300
TEXT_CONTENDERS = {
    "encoder": sys.executable,
    "classification": sys.executable,
    "sentence-transformers": str(PEERS_PYTHON),
    "semantic-router": str(PEERS_PYTHON),
}
RUNTIMES = {"onnx": sys.executable, "openvino": str(PEERS_PYTHON)}
# Tokens of a text, and how many texts a round has of them.
LENGTHS = {20: 300, 64: 150, 256: 40}
# Ids that MiniLM's vocabulary has, and none of its special ones.
FIRST_ID, LAST_ID = 2_000, 20_000
MOST_OVERHEAD = 0.30
# Nothing is asked of a hub: the model lies beside the product.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@dataclass(slots=True)
class Contender:
    """A running one."""

    name: str
    popen: subprocess.Popen[str]
    installed_mib: float
    resident_mib: float = 0.0
    rounds: list[list[float]] = field(default_factory=list)  # seconds of each text, by round

    @classmethod
    def start(cls, stack: ExitStack, name: str, python: str, options: Options) -> "Contender":
        """Start one on the core that is measured, and wait until it is loaded; it ends with the stack."""
        command = [python, "-m", "loadtest.contender", name, json.dumps(options)]
        with pinned(PRODUCT_CORE):
            popen = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **OFFLINE}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        stack.enter_context(popen)  # which closes its input, and waits
        told = read_line(popen)
        return cls(name, popen, told["installed_mib"])

    def ask(self, items: Sequence[Any]) -> None:
        """One round more."""
        assert self.popen.stdin is not None
        print(json.dumps(items), file=self.popen.stdin, flush=True)
        told = read_line(self.popen)
        self.rounds.append(told["taken_s"])
        self.resident_mib = told["resident_mib"]

    @property
    def median_ms(self) -> float:
        """A text's time: the median of the median round."""
        return statistics.median(statistics.median(taken_s) for taken_s in self.rounds) * 1e3

    @property
    def texts_per_s(self) -> float:
        """Texts a second, one after the other, of the median round."""
        return statistics.median(len(taken_s) / sum(taken_s) for taken_s in self.rounds)


def read_line(popen: subprocess.Popen[str]) -> dict[str, Any]:
    """What it says next. Raises RuntimeError where it has ended."""
    assert popen.stdout is not None
    line = popen.stdout.readline()
    if not line:
        raise RuntimeError(f"{popen.args!r} ended")
    told: dict[str, Any] = json.loads(line)
    return told


def make_options(folder: Path) -> Options:
    """Everything that contenders read, made where it has to be."""
    model = installed_minilm().weights.parent
    asyncio.run(load_encoder(folder, thread_count=1, on_progress=lambda _share, _step: None))
    known = read_artifact().examples
    examples: dict[str, list[str]] = {}
    for text, category in zip(known.texts, known.categories, strict=True):
        examples.setdefault(category, []).append(text)
    print(f"the routes of semantic-router are {len(examples)} categories with {len(known.texts)} examples in all\n")
    (folder / "examples.json").write_text(json.dumps(examples), encoding="utf-8")
    graph = folder / "openvino.xml"
    command = [str(PEERS_PYTHON), "-m", "loadtest.openvino_graph", str(model), str(graph)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **OFFLINE}, check=True, capture_output=True)
    return {"folder": str(folder), "model": str(model), "examples": str(folder / "examples.json"), "openvino_graph": str(graph)}


def compare_readers(options: Options) -> None:
    """The same prompts for all that read a text; what each takes of the encoder's time."""
    prompts = list(itertools.islice(short_prompts(), PROMPT_COUNT * ROUNDS))
    with ExitStack() as stack:
        contenders = {name: Contender.start(stack, name, python, options) for name, python in TEXT_CONTENDERS.items()}
        for number in range(ROUNDS):
            for contender in contenders.values():
                contender.ask(prompts[number * PROMPT_COUNT : (number + 1) * PROMPT_COUNT])
    ours = contenders["classification"].median_ms
    print(
        "| one text of 20 tokens | median ms | texts a second | times the classification | resident MiB |\n| --- | --- | --- | --- | --- |"
    )
    for one in contenders.values():
        print(f"| {one.name} | {one.median_ms:.2f} | {one.texts_per_s:.0f} | {one.median_ms / ours:.2f} | {one.resident_mib:.0f} |")
    print(f"\nthe classification takes {ours / contenders['encoder'].median_ms - 1:.0%} more than its encoder; aim: {MOST_OVERHEAD:.0%}\n")


def compare_runtimes(options: Options) -> None:
    """The same token ids for both runtimes."""
    print("| runtime | installed MiB | resident MiB | tokens | median ms | texts a second |\n| --- | --- | --- | --- | --- | --- |")
    for length, count in LENGTHS.items():
        chosen = random.Random(length)
        texts = [[chosen.randrange(FIRST_ID, LAST_ID) for _ in range(length)] for _ in range(count)]
        with ExitStack() as stack:
            contenders = [Contender.start(stack, name, python, options) for name, python in RUNTIMES.items()]
            for _ in range(ROUNDS):
                for contender in contenders:
                    contender.ask(texts)
        for one in contenders:
            sizes = f"{one.installed_mib:.0f} | {one.resident_mib:.0f}"
            print(f"| {one.name} | {sizes} | {length} | {one.median_ms:.2f} | {one.texts_per_s:.0f} |", flush=True)


COMPARISONS: Mapping[str, Any] = {"readers": compare_readers, "runtimes": compare_runtimes}


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=COMPARISONS, help="what to compare; default: all")
    arguments = parser.parse_args()
    print(f"{os.getloadavg()[0]:.1f} processes were running or waiting for one in the minute before\n")
    with tempfile.TemporaryDirectory() as folder:
        options = make_options(Path(folder))
        for name, compare in COMPARISONS.items():
            if arguments.only in (None, name):
                compare(options)


if __name__ == "__main__":
    main()
