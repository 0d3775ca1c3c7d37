"""`make bench`: what the product adds, measured in one run, alone on the machine.

For each layout (one process; a process for each service): seconds until it answers, resident memory, and latency and
throughput of recommend, generate and first token over a mock provider without delay, beside the same provider called
directly. Closed loop, so "in flight" is exact and throughput is the peak; every prompt differs, so nothing is cached.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from tests.e2e.stack import Stack, product_environment, start_services, start_up
from tests.fakes.provider.process import ProviderProcess, start_provider

CATALOG = Path(__file__).with_name("catalog.yaml")
LAYOUTS = {"up": start_up, "services": start_services}
WARM_UP_COUNT = 50
CALL_TIMEOUT_S = 30
OK = 200
# Twenty tokens or so, and never twice the same text.
PROMPT = "Write a Python function number {} that sorts a list of words by their length"

Call = Callable[[str], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Latencies of one measurement, seconds, sorted; and how long all of it took."""

    latencies_s: list[float]
    total_s: float

    def quantile_ms(self, q: float) -> float:
        """The latency below which a share q of the calls lies, milliseconds."""
        return self.latencies_s[min(len(self.latencies_s) - 1, int(q * len(self.latencies_s)))] * 1e3

    def row(self) -> str:
        """p50, p99 and rate, as a line of the table."""
        rate = len(self.latencies_s) / self.total_s
        return f"{self.quantile_ms(0.5):8.2f} {self.quantile_ms(0.99):8.2f} {rate:9.0f}"


async def measure(call: Call, prompts: Iterator[str], *, count: int, in_flight: int) -> Sample:
    """Run the call `count` times, `in_flight` at once."""
    remaining = itertools.repeat(None, count)
    latencies_s: list[float] = []

    async def worker() -> None:
        latencies_s.extend([await call(next(prompts)) for _ in remaining])

    start_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker())
    return Sample(sorted(latencies_s), time.perf_counter() - start_s)


def chat_body(prompt: str, *, model: str, stream: bool) -> dict[str, object]:
    """A chat completion request."""
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}]}


def posting(session: aiohttp.ClientSession, url: str, body_of: Callable[[str], dict[str, object]], *, first_byte: bool = False) -> Call:
    """A call that posts and reads the answer: all of it, or until its first byte."""

    async def call(prompt: str) -> float:
        data = json.dumps(body_of(prompt)).encode()
        start_s = time.perf_counter()
        async with session.post(url, data=data, headers={"content-type": "application/json"}) as answer:
            if answer.status != OK:
                raise RuntimeError(f"{url}: {answer.status} {(await answer.text())[:300]}")
            if first_byte:
                await answer.content.readany()
                elapsed_s = time.perf_counter() - start_s
                await answer.read()
                return elapsed_s
            await answer.read()
        return time.perf_counter() - start_s

    return call


def calls_of(session: aiohttp.ClientSession, gateway_url: str, provider_url: str) -> dict[str, Call]:
    """What is measured, by name."""
    product, direct = f"{gateway_url}/v1/chat/completions", f"{provider_url}/chat/completions"
    return {
        "recommend": posting(session, f"{gateway_url}/route", lambda prompt: {"prompt": prompt, "mode": "recommend"}),
        "generate, model auto": posting(session, product, lambda prompt: chat_body(prompt, model="auto", stream=False)),
        "generate, named model": posting(session, product, lambda prompt: chat_body(prompt, model="paid", stream=False)),
        "the provider directly": posting(session, direct, lambda prompt: chat_body(prompt, model="ok-20", stream=False)),
        "first byte, named model": posting(session, product, lambda p: chat_body(p, model="paid", stream=True), first_byte=True),
        "first byte, directly": posting(session, direct, lambda p: chat_body(p, model="ok-20", stream=True), first_byte=True),
    }


def resident_mib(stack: Stack) -> dict[str, float]:
    """Proportional resident memory of each process, MiB."""
    return {name: psutil.Process(process.popen.pid).memory_full_info().pss / (1 << 20) for name, process in stack.processes.items()}


async def measure_stack(stack: Stack, provider: ProviderProcess, *, count: int) -> None:
    """Measure and print all calls at 1 and at 32 in flight."""
    prompts = (PROMPT.format(number) for number in itertools.count())
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        print(f"  {'':28} {'in flight':>9} {'p50 ms':>8} {'p99 ms':>8} {'per s':>9}")
        for name, call in calls_of(session, stack.url, provider.base_url).items():
            await measure(call, prompts, count=WARM_UP_COUNT, in_flight=4)
            for in_flight in (1, 32):
                sample = await measure(call, prompts, count=count, in_flight=in_flight)
                print(f"  {name:28} {in_flight:9} {sample.row()}", flush=True)


def bench(layout: str, provider: ProviderProcess, folder: Path, *, count: int) -> None:
    """Start one layout twice (the first start builds the graph), then measure it."""
    environment = product_environment(
        folder / "var", CATALOG, {"BENCH_BASE_URL": provider.base_url, "BENCH_KEY": "bench-key", "LOG_LEVEL": "warning"}
    )
    for attempt in ("first", "second"):
        start_s = time.perf_counter()
        stack = LAYOUTS[layout](folder, environment)
        print(f"{layout}: {attempt} start, ready after {time.perf_counter() - start_s:.1f} s", flush=True)
        if attempt == "first":
            stack.stop()
    try:
        asyncio.run(measure_stack(stack, provider, count=count))
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
    with start_provider(prices={"ok-20": {"input_picousd": 100_000, "output_picousd": 400_000}}) as provider:
        for layout in arguments.layout or LAYOUTS:
            with tempfile.TemporaryDirectory() as folder:
                bench(layout, provider, Path(folder), count=arguments.count)


if __name__ == "__main__":
    main()
