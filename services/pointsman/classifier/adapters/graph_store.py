"""The encoder's graph on disk: verified at each start, built anew where it is missing or damaged."""

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pointsman.classifier.adapters.encoder_files import BertShape, EncoderFiles, UntrustedModelFile, sha256_of
from pointsman.classifier.adapters.minilm_files import MINILM

BUILDER = "pointsman.classifier.adapters.minilm_build"
GRAPH_RECIPE = 1  # raised whenever minilm_graph.py changes what it writes
EXIT_UNTRUSTED = 3
PROGRESS_SHARE = re.compile(r"[01]\.\d\d")  # as the builder writes it

# The builder parses a foreign file: it gets what Python needs to run, and no secret.
PASSED_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")

ProgressListener = Callable[[float, str], None]
"""Told the share done, 0 to 1, and the step's name."""


class GraphNotBuilt(Exception):
    """The graph could not be made; the service serves by rules alone."""


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """What the builder is told, on its command line."""

    weights: Path
    weights_sha256: str
    shape: BertShape
    target: Path

    def write(self) -> str:
        """The order as text."""
        return json.dumps([str(self.weights), self.weights_sha256, asdict(self.shape), str(self.target)])

    @classmethod
    def read(cls, text: str) -> "BuildOrder":
        """An order that `write` wrote."""
        weights, weights_sha256, shape, target = json.loads(text)
        return cls(Path(weights), weights_sha256, BertShape(**shape), Path(target))


def graph_path(folder: Path, files: EncoderFiles) -> Path:
    """Where the graph made from these weights by this recipe belongs."""
    is_default = files.model == MINILM
    made_of = f"{files.weights_sha256} {GRAPH_RECIPE}" if is_default else f"{files.weights_sha256} {GRAPH_RECIPE} {files.shape}"
    return folder / f"{'minilm' if is_default else 'encoder'}-int8-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.onnx"


def hash_path(graph: Path) -> Path:
    """Where a graph's hash is kept."""
    return graph.with_name(f"{graph.name}.sha256")


def is_intact(graph: Path) -> bool:
    """True where the graph is there and is what was written."""
    try:
        return sha256_of(graph) == hash_path(graph).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False


async def ensure_graph(folder: Path, files: EncoderFiles, on_progress: ProgressListener) -> Path:
    """Path of an intact graph, built first where needed.

    Raises GraphNotBuilt, or UntrustedModelFile where the weights are not the pinned ones.
    """
    graph = graph_path(folder, files)
    if not await asyncio.to_thread(is_intact, graph):
        await build_graph(graph, files, on_progress)
    return graph


async def build_graph(graph: Path, files: EncoderFiles, on_progress: ProgressListener) -> None:
    """Run the builder to its end; it is killed where the caller is cancelled."""
    environment = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
    try:
        graph.parent.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", BUILDER, BuildOrder(files.weights, files.weights_sha256, files.shape, graph).write()),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise GraphNotBuilt(f"build {graph.name}: {error}") from error
    try:
        last_line = await follow(process.stdout, on_progress) if process.stdout is not None else ""
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status == EXIT_UNTRUSTED:
        raise UntrustedModelFile(f"{files.weights}: not the pinned weights")
    if status != 0 or not await asyncio.to_thread(is_intact, graph):
        raise GraphNotBuilt(f"build {graph.name}: exit status {status}: {last_line}")


async def follow(output: asyncio.StreamReader, on_progress: ProgressListener) -> str:
    """Pass progress on until the builder closes its output; its last line, which tells why it ended early."""
    last_line = ""
    async for raw in output:
        last_line = raw.decode(errors="replace").strip()
        share, _, step = last_line.partition(" ")
        if PROGRESS_SHARE.fullmatch(share):  # else a line of, say, a traceback
            on_progress(float(share), step)
    return last_line
