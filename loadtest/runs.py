"""What is measured of a running product, and how it is printed."""

import re
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from loadtest.calls import NextPrompt, chat_body, classifying, fresh_prompts, http_call, known_prompts, lines_to, recommend_body
from loadtest.measuring import Call, Sample, closed_loop, open_loop
from pointsman.api.classifier.v1 import classifier_pb2 as pb

WARM_UP_COUNT = 50
MOST_IN_FLIGHT = 32
OPEN_LOOP_RATES = (50.0, 100.0)
OPEN_LOOP_S = 10
WIDTH = 34
CHAT = "/v1/chat/completions"
STAGE = re.compile(r'^pointsman_overhead_seconds_(sum|count)\{.*?stage="(\w+)".*?\} (\S+)$', re.MULTILINE)


async def measure_stack(addresses: Mapping[str, str], provider: str, *, count: int) -> None:
    """Measure and print everything of one layout."""
    async with AsyncExitStack() as stack:
        gateway = stack.enter_context(lines_to(addresses["gateway"], MOST_IN_FLIGHT))
        direct = stack.enter_context(lines_to(provider, MOST_IN_FLIGHT))
        classify = {
            name: await stack.enter_async_context(classifying(addresses["classifier_grpc"], prompts, strategy=strategy))
            for name, (prompts, strategy) in classifications().items()
        }

        def product(path: str, body_of: Callable[[str], object], prompts: NextPrompt, *, first_byte: bool = False) -> Call:
            return http_call(gateway, addresses["gateway"], path, lambda: body_of(prompts()), first_byte=first_byte)

        provider_calls = {
            "the provider directly": http_call(direct, provider, CHAT, lambda: chat_body("hello", model="zero")),
            "first byte, directly": http_call(
                direct, provider, CHAT, lambda: chat_body("hello", model="zero", stream=True), first_byte=True
            ),
        }
        product_calls = {
            "recommend, not cached": product("/route", recommend_body, fresh_prompts()),
            "recommend, cached": product("/route", recommend_body, known_prompts()),
            "generate auto, not cached": product(CHAT, lambda prompt: chat_body(prompt, model="auto"), fresh_prompts()),
            "generate auto, cached": product(CHAT, lambda prompt: chat_body(prompt, model="auto"), known_prompts()),
            "generate, named model": product(CHAT, lambda prompt: chat_body(prompt, model="paid"), fresh_prompts()),
            "first byte auto, cached": product(
                CHAT, lambda prompt: chat_body(prompt, model="auto", stream=True), known_prompts(), first_byte=True
            ),
        }
        await print_closed({**classify, **product_calls, **provider_calls}, count)
        before = stage_totals(addresses["gateway"])
        await print_open(product_calls["generate auto, cached"], provider_calls["the provider directly"])
        print_stages(before, stage_totals(addresses["gateway"]))


def classifications() -> dict[str, tuple[NextPrompt, pb.Strategy.ValueType]]:
    """What is asked of the classifier itself."""
    return {
        "classify, not cached": (fresh_prompts(), pb.STRATEGY_HYBRID),
        "classify, rules, not cached": (fresh_prompts(), pb.STRATEGY_RULES),
        "classify, cached": (known_prompts(), pb.STRATEGY_HYBRID),
    }


async def print_closed(calls: Mapping[str, Call], count: int) -> None:
    """Each call at 1 and at 32 in flight."""
    print(f"  {'closed loop':{WIDTH}} {'in flight':>9} {'p50 ms':>8} {'p99 ms':>8} {'per s':>9}")
    for name, call in calls.items():
        await closed_loop(call, count=WARM_UP_COUNT, in_flight=4)
        for in_flight in (1, MOST_IN_FLIGHT):
            sample = await closed_loop(call, count=count, in_flight=in_flight)
            print(f"  {name:{WIDTH}} {in_flight:9} {row(sample)} {sample.rate:9.0f}", flush=True)


async def print_open(product: Call, direct: Call) -> None:
    """The same load on the product and on the provider, one after the other; the difference is what the product adds."""
    print(f"\n  {'open loop, generate auto, cached':{WIDTH}} {'per s':>9} {'p50 ms':>8} {'p99 ms':>8}")
    for rate in OPEN_LOOP_RATES:
        count = int(rate * OPEN_LOOP_S)
        samples = {
            "product": await open_loop(product, count=count, rate=rate, workers=MOST_IN_FLIGHT),
            "the provider directly": await open_loop(direct, count=count, rate=rate, workers=MOST_IN_FLIGHT),
        }
        for name, sample in samples.items():
            print(f"  {name:{WIDTH}} {rate:9.0f} {row(sample)}", flush=True)
        added = [samples["product"].quantile_ms(q) - samples["the provider directly"].quantile_ms(q) for q in (0.5, 0.99)]
        print(f"  {'added':{WIDTH}} {rate:9.0f} {added[0]:8.2f} {added[1]:8.2f}", flush=True)


def row(sample: Sample) -> str:
    """p50 and p99."""
    return f"{sample.quantile_ms(0.5):8.2f} {sample.quantile_ms(0.99):8.2f}"


def stage_totals(gateway: str) -> dict[str, tuple[float, float]]:
    """Seconds and requests by stage, since the gateway's start, as its own metrics have them."""
    with urllib.request.urlopen(f"http://{gateway}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    figures = {(stage, kind): float(value) for kind, stage, value in STAGE.findall(text)}
    return {stage: (figures[stage, "sum"], figures[stage, "count"]) for stage, kind in figures if kind == "sum"}


def print_stages(before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]]) -> None:
    """Mean time of each stage between two readings: of the open loop, where nothing waits for a processor."""
    print(f"\n  {'stage, open loop':{WIDTH}} {'mean ms':>9}")
    for stage, (seconds, requests) in after.items():
        seconds_before, requests_before = before.get(stage, (0.0, 0.0))
        if requests > requests_before:
            print(f"  {stage:{WIDTH}} {(seconds - seconds_before) / (requests - requests_before) * 1e3:9.3f}")
