"""What is called: the gateway and the provider over HTTP, the classifier over gRPC."""

import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from loadtest.measuring import Call
from loadtest.wire import Line, request_head
from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.classifier.v1.classifier_pb2_grpc import ClassifierServiceStub
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel

OK = 200
CALL_TIMEOUT_S = 30.0
CLASSIFIER_SERVICE = pb.DESCRIPTOR.services_by_name["ClassifierService"].full_name
# Twenty tokens or so; with the number it is never twice the same text.
PROMPT = "Write a Python function{} that sorts a list of words by their length, longest first"

NextPrompt = Callable[[], str]


def fresh_prompts() -> NextPrompt:
    """A prompt that was never asked before, each time: nothing is found in a cache."""
    numbers = itertools.count(time.time_ns())
    return lambda: PROMPT.format(f" number {next(numbers)}")


def known_prompts(count: int = 1) -> NextPrompt:
    """The same few prompts over and over: after the first round all are found in a cache."""
    numbers = itertools.cycle(range(count))
    return lambda: PROMPT.format(f" of kind {next(numbers)}")


def recommend_body(prompt: str) -> dict[str, object]:
    """A decision, nothing called."""
    return {"prompt": prompt, "mode": "recommend"}


def chat_body(prompt: str, *, model: str, stream: bool = False) -> dict[str, object]:
    """A chat completion."""
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}]}


def http_call(lines: Sequence[Line], address: str, path: str, body_of: Callable[[], object], *, first_byte: bool = False) -> Call:
    """A POST; each worker has a connection of its own. first_byte: the latency ends there, not at the answer's end.

    The call raises RuntimeError for any status but 200: a benchmark of refusals is none.
    """
    head = request_head("POST", path, address)

    async def call(worker: int) -> float:
        body = json.dumps(body_of()).encode()
        start_s = time.perf_counter()
        reply = await lines[worker].request(head, body)
        if reply.status != OK:
            raise RuntimeError(f"{path}: {reply.status} {reply.body[:300]!r}")
        return (reply.first_body_s if first_byte else reply.end_s) - start_s

    return call


@contextmanager
def lines_to(address: str, count: int) -> Iterator[list[Line]]:
    """That many connections to one address."""
    lines = [Line(address) for _ in range(count)]
    try:
        yield lines
    finally:
        for line in lines:
            line.close()


@asynccontextmanager
async def classifying(target: str, next_prompt: NextPrompt, *, strategy: pb.Strategy.ValueType = pb.STRATEGY_HYBRID) -> AsyncIterator[Call]:
    """A classification through gRPC."""
    async with ServiceChannel(target, service=CLASSIFIER_SERVICE) as channel:
        stub = ClassifierServiceStub(channel.channel)

        async def call(_worker: int) -> float:
            request = pb.ClassifyPromptRequest(prompt=pb.PromptInput(text=next_prompt()), strategy=strategy)
            start_s = time.perf_counter()
            await channel.call(stub.ClassifyPrompt, request, deadline=Deadline.after(CALL_TIMEOUT_S))
            return time.perf_counter() - start_s

        yield call
