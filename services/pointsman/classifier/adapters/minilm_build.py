"""Builds the encoder's graph, as a process of its own: `python -m … ORDER`, the order as `BuildOrder` writes it.

A process of its own, because building needs 350 MB and onnx, and the service that then
serves for weeks should not keep them. It parses the weights, so it is started without secrets.

Tells its progress on standard output, a line each: the share done, a space, the step's name.
"""

import fcntl
import hashlib
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from pointsman.classifier.adapters.graph_store import EXIT_UNTRUSTED, BuildOrder, hash_path, is_intact
from pointsman.classifier.adapters.minilm_graph import build_bert

# Shares of the whole, measured: reading and hashing, the layers, writing.
SHARE_READ = 0.2
SHARE_BUILT = 0.9


# Of a part's name. Not the process's number: in containers that share a volume all builders have the same.
SUFFIX_BYTES = 8


def main(order: BuildOrder) -> int:
    """Build the graph at its target, its hash beside it, unless another process does; the process's exit status."""
    target = order.target
    with only_builder(target.parent) as is_alone:
        if is_intact(target):
            tell(1.0, "done by another process")
            return 0
        if is_alone:
            remove_parts(target)
        return build(order)


def build(order: BuildOrder) -> int:
    """Build the graph; the process's exit status."""
    tell(0.0, "checking the weights")
    content = order.weights.read_bytes()
    # What is hashed is what is parsed: the file cannot change in between.
    if hashlib.sha256(content).hexdigest() != order.weights_sha256:
        return EXIT_UNTRUSTED
    tell(SHARE_READ, "quantising")
    graph = build_bert(single_precision(load(content)), order.shape, partial(tell_layer, of=order.shape.layers))
    tell(SHARE_BUILT, "writing the graph")
    write_graph(order.target, graph)
    tell(1.0, "done")
    return 0


def single_precision(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The weights as the graph's recipe takes them, however they were saved."""
    return {name: np.asarray(values, np.float32) for name, values in weights.items()}


@contextmanager
def only_builder(folder: Path) -> Iterator[bool]:
    """Wait until no other process builds in this folder; the lock ends with the process, however that ends.

    Yields False where the file system knows no locks: then several build the same at once, which takes longer
    and does no harm.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield lock(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Take the lock, as soon as it is free; False where there are none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell(0.0, "waiting for another process that builds it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def remove_parts(target: Path) -> None:
    """Remove what builders that were killed have left."""
    for part in target.parent.glob(f"{target.name}*.part"):
        part.unlink(missing_ok=True)


def write_graph(target: Path, graph: bytes) -> None:
    """The graph, then its hash: a crash in between leaves a graph that is rebuilt."""
    write_atomically(target, graph)
    write_atomically(hash_path(target), hashlib.sha256(graph).hexdigest().encode())


def write_atomically(target: Path, content: bytes) -> None:
    """Write the whole file or leave the old one."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(SUFFIX_BYTES)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def tell_layer(done_count: int, *, of: int) -> None:
    """One more layer is done."""
    tell(SHARE_READ + (SHARE_BUILT - SHARE_READ) * done_count / of, f"quantising layer {done_count} of {of}")


def tell(share: float, step: str) -> None:
    """One line for the process that waits."""
    sys.stdout.write(f"{share:.2f} {step}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(BuildOrder.read(sys.argv[1])))
