"""The encoder's graph on disk: verified at each start, built anew where it is missing or damaged."""

import asyncio
import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from pointsman.classifier.adapters.minilm_files import WEIGHTS_SHA256, MiniLmFiles, UntrustedModelFile, sha256_of

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


def graph_path(folder: Path) -> Path:
    """Where the graph made from the pinned weights by this recipe belongs."""
    identity = hashlib.sha256(f"{WEIGHTS_SHA256} {GRAPH_RECIPE}".encode()).hexdigest()
    return folder / f"minilm-int8-{identity[:12]}.onnx"


def hash_path(graph: Path) -> Path:
    """Where a graph's hash is kept."""
    return graph.with_name(f"{graph.name}.sha256")


def is_intact(graph: Path) -> bool:
    """True where the graph is there and is what was written."""
    try:
        return sha256_of(graph) == hash_path(graph).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False


async def ensure_graph(folder: Path, files: MiniLmFiles, on_progress: ProgressListener) -> Path:
    """Path of an intact graph, built first where needed.

    Raises GraphNotBuilt, or UntrustedModelFile where the weights are not the pinned ones.
    """
    graph = graph_path(folder)
    if not await asyncio.to_thread(is_intact, graph):
        await build_graph(graph, files, on_progress)
    return graph


async def build_graph(graph: Path, files: MiniLmFiles, on_progress: ProgressListener) -> None:
    """Run the builder to its end; it is killed where the caller is cancelled."""
    environment = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
    try:
        graph.parent.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", BUILDER, str(files.weights), str(graph)),
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
