"""`make bench-classifier`: what a caller of one classifier sees, on one core, beside what is aimed at.

Real `pointsman classifier` processes on core 0, one with its cache in memory, one with a real redis-server; generator and
Redis have core 1. Prompts of about twenty tokens through gRPC. Latencies at 50 calls a second, counted from the moment a call
was due; each is measured three times, in turns, and the median counts. Alone on the machine, please.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop

from loadtest.bench import CATALOG, GENERATOR_CORE, PRODUCT_CORE, pinned
from loadtest.calls import CALL_TIMEOUT_S, CLASSIFIER_SERVICE, NextPrompt
from loadtest.measuring import Call, Sample, closed_loop, open_loop
from loadtest.prompts import short_prompts
from loadtest.redis_process import redis_server
from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.classifier.v1.classifier_pb2_grpc import ClassifierServiceStub
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel
from tests.e2e.stack import Process, product_environment

ROUNDS = 3
RATE = 50.0
OPEN_COUNT = 500
CLOSED_COUNT = 2_000
IN_FLIGHT = 32
KNOWN_COUNT = 200
WARM_UP_COUNT = 200
STARTS = 3
WORK, WORK_COUNT = 20_000, 200
MEGABYTE = 1_000_000
MS = 1e3
NOWHERE = "127.0.0.1:9"  # no registry: the classifier serves without one


@dataclass(frozen=True, slots=True)
class Question:
    """One way of asking, and what its latencies should be. in_memory: asked of the process without Redis."""

    name: str
    strategy: pb.Strategy.ValueType
    is_known: bool  # the same prompts again, which are found in the cache
    in_memory: bool
    aim: str


QUESTIONS = (
    Question("hybrid, new prompts", pb.STRATEGY_HYBRID, is_known=False, in_memory=True, aim="4 / 15"),
    Question("rules alone", pb.STRATEGY_RULES, is_known=False, in_memory=True, aim="1.2 / -"),
    Question("features alone", pb.STRATEGY_FEATURES, is_known=False, in_memory=True, aim=""),
    Question("the same prompts, from Redis", pb.STRATEGY_HYBRID, is_known=True, in_memory=False, aim="1.2 / -"),
    Question("the same prompts, from memory", pb.STRATEGY_HYBRID, is_known=True, in_memory=True, aim=""),
)
LEAST_RATES = {"hybrid, new prompts": "300", "the same prompts, from Redis": "1,500"}
THROUGHPUT_HEAD = (
    "\n| 32 at once | calls a second | aim | p50 / p99 ms | processor a call, ms: classifier, generator |\n| --- | --- | --- | --- | --- |"
)
READY_AIM_S = 3.0
MEMORY_AIM_MB = 250


@asynccontextmanager
async def asking(target: str, question: Question, next_prompt: NextPrompt) -> AsyncIterator[Call]:
    """A classification through gRPC. It raises RuntimeError where the cache had to do with it other than was meant."""
    async with ServiceChannel(target, service=CLASSIFIER_SERVICE) as channel:
        stub = ClassifierServiceStub(channel.channel)

        async def call(_worker: int) -> float:
            request = pb.ClassifyPromptRequest(prompt=pb.PromptInput(text=next_prompt()), strategy=question.strategy)
            start_s = time.perf_counter()
            answer = await channel.call(stub.ClassifyPrompt, request, deadline=Deadline.after(CALL_TIMEOUT_S))
            if answer.classification.cache_hit != question.is_known:
                raise RuntimeError(f"{question.name}: cache hit is {answer.classification.cache_hit}")
            return time.perf_counter() - start_s

        yield call


async def fill_cache(target: str, prompts: Sequence[str]) -> None:
    """Ask for each prompt once."""
    question, texts = Question("", pb.STRATEGY_HYBRID, is_known=False, in_memory=True, aim=""), iter(prompts)
    async with asking(target, question, lambda: next(texts)) as call:
        await closed_loop(call, count=len(prompts), in_flight=4)


def cpu_s(pid: int) -> float:
    """Processor time that a process took until now."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@dataclass(slots=True)
class Bench:
    """Both classifiers."""

    in_memory: Process
    in_redis: Process

    def of(self, question: Question) -> Process:
        """Which one is asked."""
        return self.in_memory if question.in_memory else self.in_redis

    async def measure(self) -> None:
        """All questions, in turns, at a steady rate and then as many as go; and print."""
        known = [f"{prompt} (known)" for prompt in itertools.islice(short_prompts(), KNOWN_COUNT)]
        new = short_prompts()
        for process in (self.in_memory, self.in_redis):
            await fill_cache(process.addresses["classifier_grpc"], known)
        async with AsyncExitStack() as stack:
            calls: dict[Question, Call] = {}
            for question in QUESTIONS:
                prompts = itertools.cycle(known) if question.is_known else new
                asked = asking(self.of(question).addresses["classifier_grpc"], question, prompts.__next__)
                calls[question] = await stack.enter_async_context(asked)
                await closed_loop(calls[question], count=WARM_UP_COUNT, in_flight=4)
            samples = [{one: await latencies_of(call) for one, call in calls.items()} for _ in range(ROUNDS)]
            print_latencies(samples)
            print(THROUGHPUT_HEAD)
            for question, call in calls.items():
                await self.print_throughput(question, call)

    async def print_throughput(self, question: Question, call: Call) -> None:
        """The median of a few rounds; where the generator's processor time is a second each second, it is the limit."""
        pids = (self.of(question).popen.pid, os.getpid())
        rounds: list[tuple[float, Sample, list[float]]] = []
        for _ in range(ROUNDS):
            before = [cpu_s(pid) for pid in pids]
            sample = await closed_loop(call, count=CLOSED_COUNT, in_flight=IN_FLIGHT)
            spent = [(cpu_s(pid) - then) / CLOSED_COUNT * MS for pid, then in zip(pids, before, strict=True)]
            rounds.append((sample.rate, sample, spent))
        rate, sample, spent = sorted(rounds, key=lambda one: one[0])[ROUNDS // 2]
        latencies = f"{sample.quantile_ms(0.5):.1f} / {sample.quantile_ms(0.99):.1f}"
        print(
            f"| {question.name} | {rate:.0f} | {LEAST_RATES.get(question.name, '')} | {latencies} | {spent[0]:.2f}, {spent[1]:.2f} |",
            flush=True,
        )


async def latencies_of(call: Call) -> tuple[Sample, Sample]:
    """At the steady rate, then one call after the other, with no time to fall asleep between them."""
    steady = await open_loop(call, count=OPEN_COUNT, rate=RATE, workers=IN_FLIGHT)
    return steady, await closed_loop(call, count=OPEN_COUNT, in_flight=1)


def print_latencies(samples: Sequence[dict[Question, tuple[Sample, Sample]]]) -> None:
    """The medians over the rounds."""
    print("| p50 / p99 ms | 50 a second | aim | one after the other |\n| --- | --- | --- | --- |")
    for question in QUESTIONS:
        steady, busy = (
            " / ".join(f"{statistics.median(sample[question][load].quantile_ms(q) for sample in samples):.2f}" for q in (0.5, 0.99))
            for load in (0, 1)
        )
        print(f"| {question.name} | {steady} | {question.aim} | {busy} |", flush=True)


def spin_ms() -> float:
    """Time of a fixed piece of work."""
    start_s = time.perf_counter()
    for _ in range(WORK):
        pass
    return (time.perf_counter() - start_s) * MS


def print_machine() -> None:
    """How much slower work is on this machine after a rest as long as that between two calls: nothing of the product's."""
    busy = statistics.median(spin_ms() for _ in range(WORK_COUNT))
    rested = []
    for _ in range(WORK_COUNT):
        time.sleep(1 / RATE)
        rested.append(spin_ms())
    load = os.getloadavg()[0]
    print(f"{load:.1f} processes were running or waiting for one in the minute before; after a rest of {MS / RATE:.0f} ms", end=" ")
    print(f"any work takes {statistics.median(rested) / busy:.1f} times as long as without")


def start(folder: Path, environment: dict[str, str], stop: Callable[[Callable[[], object]], object]) -> tuple[Process, float]:
    """A classifier on its core, and how long it took until it was ready. stop: told how to end it."""
    start_s = time.perf_counter()
    with pinned(PRODUCT_CORE):
        process = Process.start("classifier", environment, folder)
    stop(process.stop)
    return process, time.perf_counter() - start_s


def main() -> None:
    """Start both, and measure."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    print_machine()
    with pinned(GENERATOR_CORE), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        redis_url = stack.enter_context(redis_server(folder))
        extra = {"POINTSMAN_REGISTRY_TARGET": NOWHERE, "LOG_LEVEL": "warning"}
        environment = product_environment(folder / "var", CATALOG, extra)
        ready_s = []
        for _ in range(1 + STARTS):
            with ExitStack() as once:
                ready_s.append(start(folder, environment, once.callback)[1])
        first_s, later_s = ready_s[0], statistics.median(ready_s[1:])
        print(f"ready: {first_s:.1f} s at first, when the graph is built; then {later_s:.2f} s, aim {READY_AIM_S:g} s\n")
        in_memory, _ = start(folder, environment, stack.callback)
        in_redis, _ = start(folder, {**environment, "REDIS_URL": redis_url}, stack.callback)
        asyncio.run(Bench(in_memory, in_redis).measure())
        resident = [psutil.Process(process.popen.pid).memory_info().rss / MEGABYTE for process in (in_memory, in_redis)]
        print(f"\nresident: {resident[0]:.0f} MB, with Redis {resident[1]:.0f} MB; aim {MEMORY_AIM_MB} MB")


if __name__ == "__main__":
    main()
