"""`make bench`: what the product adds, measured in one run, alone on the machine.

The product has core 0 for itself, generator and provider have core 1, where there are two. For each layout (one
process; a process for each service): seconds until it answers, resident memory, then classify, recommend, generate and
first token at 1 and 32 in flight and at a steady rate, and where the time goes by stage. The provider answers at once,
and is measured directly beside: what the product adds is the difference.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from loadtest.redis_process import redis_server
from loadtest.runs import measure_stack
from tests.e2e.stack import Stack, product_environment, start_services, start_up

CATALOG = Path(__file__).with_name("catalog.yaml")
LAYOUTS = {"up": start_up, "services": start_services}
PRODUCT_CORE, GENERATOR_CORE = {0}, {1}


@contextmanager
def zero_provider() -> Iterator[str]:
    """The provider in a process of its own; its address."""
    process = subprocess.Popen([sys.executable, "-m", "loadtest.zero_provider"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Processes that are started inside have these cores alone, where the machine has them."""
    before = os.sched_getaffinity(0)
    if cores <= before:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def started(layout: str, folder: Path, environment: dict[str, str]) -> Stack:
    """Start the layout twice, because the first start builds the graph; the second stays."""
    for attempt in ("first", "second"):
        start_s = time.perf_counter()
        with pinned(PRODUCT_CORE):
            stack = LAYOUTS[layout](folder, environment)
        print(f"{layout}: {attempt} start, ready after {time.perf_counter() - start_s:.1f} s", flush=True)
        if attempt == "first":
            stack.stop()
    return stack


def resident_mib(stack: Stack) -> dict[str, float]:
    """Proportional resident memory of each process, MiB."""
    return {name: psutil.Process(process.popen.pid).memory_full_info().pss / (1 << 20) for name, process in stack.processes.items()}


def bench(layout: str, provider: str, folder: Path, *, count: int, redis_url: str | None) -> None:
    """Measure one layout, and print."""
    extra = {"BENCH_BASE_URL": f"http://{provider}/v1", "BENCH_KEY": "bench-key", "LOG_LEVEL": "warning"}
    if redis_url is not None:
        extra["REDIS_URL"] = redis_url
    stack = started(layout, folder, product_environment(folder / "var", CATALOG, extra))
    print(f"  the classifier caches in {'its memory' if redis_url is None else 'Redis'}, the gateway in its memory")
    try:
        asyncio.run(measure_stack(stack.addresses, provider, count=count))
        memory = resident_mib(stack)
        print(f"  resident MiB: {', '.join(f'{name} {mib:.0f}' for name, mib in memory.items())}; all {sum(memory.values()):.0f}\n")
    finally:
        stack.stop()


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="calls of each measurement")
    parser.add_argument("--layout", choices=LAYOUTS, action="append", help="what to measure; default: all")
    arguments = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with pinned(GENERATOR_CORE), zero_provider() as provider:
        for layout in arguments.layout or LAYOUTS:
            with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis_url:
                # As people run them: one process on a laptop has no Redis, services on a server share one.
                shared = redis_url if layout == "services" else None
                bench(layout, provider, Path(folder), count=arguments.count, redis_url=shared)


if __name__ == "__main__":
    main()
