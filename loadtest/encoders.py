"""`python -m loadtest.encoders`: how fast each encoder is on this machine, by the length of texts and the size of batches.

Each runtime that is installed is measured in a process of its own, on the device that the classifier would take: torch on the
GPU where there is one. Texts are random tokens, so that a length is a length. Alone on the machine, please.
"""

import argparse
import asyncio
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from pointsman.classifier.adapters.encoder_loading import TORCH, TORCH_LIBRARIES, load_encoder
from pointsman.classifier.core.ports import Encoder, TokenIds

RUNTIMES = ("onnx", TORCH)
LENGTHS = (16, 32, 64, 128, 256)
BATCH_SIZES = {"cpu": (1, 8, 64), "cuda": (1, 8, 64, 256, 1024)}  # on a CPU a batch gains little, and takes long
# Ids that every vocabulary of this kind has, and none of its special ones.
FIRST_ID, LAST_ID = 2_000, 20_000
LEAST_S = 0.5  # of each measurement
LEAST_ROUNDS = 3
MEDIAN, TAIL = 0.5, 0.99
MIB = 1 << 20
CPU_INFO = Path("/proc/cpuinfo")


def installed_runtimes() -> list[str]:
    """Those that can be measured here."""
    has_torch = all(importlib.util.find_spec(name) is not None for name in TORCH_LIBRARIES)
    return [runtime for runtime in RUNTIMES if runtime != TORCH or has_torch]


def device_name(device: str) -> str:
    """What the machine calls it."""
    if device != "cpu":
        import torch

        return str(torch.cuda.get_device_name())
    lines = CPU_INFO.read_text(encoding="utf-8").splitlines() if CPU_INFO.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "an unnamed processor")


def device_memory_mib(device: str) -> float:
    """Most that was taken on a GPU; 0 on a CPU, whose memory is the process's."""
    if device == "cpu":
        return 0.0
    import torch

    return float(torch.cuda.max_memory_reserved()) / MIB


def random_batch(size: int, length: int) -> list[TokenIds]:
    """Texts of so many tokens, the same at each call."""
    chosen = random.Random(length)
    return [tuple(chosen.randrange(FIRST_ID, LAST_ID) for _ in range(length)) for _ in range(size)]


def seconds_of(encoder: Encoder, batch: Sequence[TokenIds]) -> list[float]:
    """How long each of several rounds took, sorted."""
    encoder.encode(batch)
    rounds: list[float] = []
    while len(rounds) < LEAST_ROUNDS or sum(rounds) < LEAST_S:
        start_s = time.perf_counter()
        encoder.encode(batch)
        rounds.append(time.perf_counter() - start_s)
    return sorted(rounds)


def quantile_ms(rounds: Sequence[float], q: float) -> float:
    """The time below which a share q of the rounds lies."""
    return rounds[min(len(rounds) - 1, int(q * len(rounds)))] * 1e3


def measure(runtime: str, model: Path | None, *, threads: int, sizes: Sequence[int] | None) -> None:
    """Load one encoder, measure it, and print. sizes: of the batches; None: what suits the device."""
    start_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        loading = load_encoder(Path(folder), thread_count=threads, on_progress=lambda _share, _step: None, runtime=runtime, model=model)
        encoder = asyncio.run(loading)
        loaded_s = time.perf_counter() - start_s
        print(f"{encoder.name} on {encoder.device} ({device_name(encoder.device)}), {threads} threads, loaded in {loaded_s:.1f} s")
        print(f"  {'tokens':>6} {'batch':>5} {'p50 ms':>9} {'p99 ms':>9} {'texts/s':>9} {'tokens/s':>10}")
        for length in LENGTHS:
            for size in sizes or BATCH_SIZES[encoder.device]:
                rounds = seconds_of(encoder, random_batch(size, length))
                rate = size * len(rounds) / sum(rounds)
                times = f"{quantile_ms(rounds, MEDIAN):9.2f} {quantile_ms(rounds, TAIL):9.2f}"
                print(f"  {length:6} {size:5} {times} {rate:9.0f} {rate * length:10.0f}", flush=True)
        resident = psutil.Process().memory_info().rss / MIB
        print(f"  resident {resident:.0f} MiB, on the device {device_memory_mib(encoder.device):.0f} MiB\n", flush=True)


def main() -> int:
    """Parse the arguments and measure; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", choices=RUNTIMES, help="what to measure; default: all that are installed")
    parser.add_argument("--model", type=Path, help="a folder of sentence-transformers; default: MiniLM")
    parser.add_argument("--threads", type=int, default=1, help="cores that one batch is spread over")
    parser.add_argument("--batch", type=int, action="append", help="texts encoded at once; may be repeated")
    arguments = parser.parse_args()
    if arguments.runtime is not None:
        measure(arguments.runtime, arguments.model, threads=arguments.threads, sizes=arguments.batch)
        return 0
    commands = [[sys.executable, "-m", "loadtest.encoders", "--runtime", runtime, *sys.argv[1:]] for runtime in installed_runtimes()]
    return max(subprocess.run(command, check=False).returncode for command in commands)


if __name__ == "__main__":
    raise SystemExit(main())
