"""What the gateway counts and times. Labels come from closed sets: words of ours, and names of the catalogue."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType

from prometheus_client import Counter, Gauge, Histogram

from pointsman.gateway.core.money import NANOUSD_PER_USD
from pointsman.gateway.core.routing_errors import ModelNotFound
from pointsman.gateway.engine.judgement_cache import CacheEvent
from pointsman.gateway.ports import Attempt, BilledTo
from pointsman.kit.errors import ServiceError
from pointsman.kit.telemetry import Telemetry
from pointsman.kit.tracing import Attributes, Span

# What a word of a caller is counted as, and what there was none of.
OTHER = "other"
NONE = "none"
SUCCEEDED = "ok"
CLIENT_GONE = "client_gone"
CRASHED = "internal"
MODEL_NOT_FOUND = ModelNotFound.reason
# Ranking takes some 0.1 ms, a hop some 1, a commit some 3, a classifier at most 150; beyond a second something is wrong.
OVERHEAD_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Stage(StrEnum):
    """A part of a request's way that costs time of ours."""

    CLASSIFY = "classify"
    RANK = "rank"
    OPEN_SPEND = "open_spend"
    EXECUTE = "execute"  # without the time that providers took
    SETTLE = "settle"
    TOTAL = "total"  # of the whole request, without the time that providers took


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended. status: "ok", or the stable code of its failure."""

    status: str
    policy: str = NONE
    category: str = NONE
    model: str = NONE
    provider: str = NONE
    cause: str = NONE


def status_of(error: BaseException | None) -> str:
    """The stable code of a failure; "ok" where there was none."""
    match error:
        case None:
            return SUCCEEDED
        case ServiceError():
            return error.reason
        case asyncio.CancelledError() | GeneratorExit():
            return CLIENT_GONE
        case _:
            return CRASHED


def refusal_of(error: BaseException) -> Outcome:
    """The outcome of a request for which nothing was decided."""
    status = status_of(error)
    return Outcome(status, model=OTHER if status == MODEL_NOT_FOUND else NONE)


class Measures:
    """The families, registered, and the spans that go with them."""

    def __init__(self, telemetry: Telemetry, now_s: Callable[[], float] = time.monotonic) -> None:
        """Register with the service's own registry."""
        registry = self._registry = telemetry.registry
        self._tracing = telemetry.tracing
        self._now_s = now_s
        self._requests = Counter(
            "pointsman_requests",
            "Requests that were routed or refused, each once, at its end.",
            ["policy", "category", "model", "provider", "cause", "status"],
            registry=registry,
        )
        self._requests_by_outcome: dict[Outcome, Counter] = {}  # looking labels up costs more than counting
        overhead = Histogram(
            "pointsman_overhead_seconds",
            "Time that the gateway took of a request, by stage; the time of providers is not in it.",
            ["stage"],
            registry=registry,
            buckets=OVERHEAD_BUCKETS_S,
        )
        self._overhead = {stage: overhead.labels(stage.value) for stage in Stage}
        self._costs = Counter("pointsman_cost_usd", "Cost of calls billed to the operator.", ["model", "provider"], registry=registry)
        self._fallbacks = Counter("pointsman_fallbacks", "Calls that failed and were followed by another one.", registry=registry)
        events = Counter("pointsman_cache_events", "What happened in caches.", ["cache", "event"], registry=registry)
        self._cache_events = {event: events.labels("memory", event.value) for event in CacheEvent}

    def stage(self, stage: Stage, attributes: Attributes | None = None) -> AbstractContextManager[Span]:
        """Time a stage, in a span of its name."""
        return _Timed(self._overhead[stage], self._tracing.span(stage.value, attributes=attributes), self._now_s)

    def span(self, stage: Stage, attributes: Attributes | None = None) -> AbstractContextManager[Span]:
        """A span alone, for a stage that is timed otherwise."""
        return self._tracing.span(stage.value, attributes=attributes)

    def take_time(self, stage: Stage, seconds: float) -> None:
        """Count a stage's time; clocks of two machines may disagree by a little, which is no time."""
        self._overhead[stage].observe(max(0.0, seconds))

    def count_request(self, outcome: Outcome, attempts: Sequence[Attempt] = ()) -> None:
        """Count a request that has ended, with what its calls cost."""
        child = self._requests_by_outcome.get(outcome)
        if child is None:
            labels = (outcome.policy, outcome.category, outcome.model, outcome.provider, outcome.cause, outcome.status)
            child = self._requests_by_outcome[outcome] = self._requests.labels(*labels)
        child.inc()
        self.count_costs(attempts)
        if len(attempts) > 1:
            self._fallbacks.inc(len(attempts) - 1)

    def count_costs(self, attempts: Sequence[Attempt]) -> None:
        """Count what calls cost the operator."""
        for attempt in attempts:
            if attempt.cost_nanousd and attempt.billed_to is BilledTo.OPERATOR:
                self._costs.labels(attempt.model_id, attempt.provider_id).inc(attempt.cost_nanousd / NANOUSD_PER_USD)

    def count_cache_event(self, event: CacheEvent) -> None:
        """Count what happened in the memory of classifications."""
        self._cache_events[event].inc()

    def watch_spool(self, read_depth: Callable[[], int]) -> None:
        """Tell, whenever scraped, how much the ledger is still to hear of."""
        depth = Gauge("pointsman_queue_depth", "What waits.", ["queue"], registry=self._registry)
        depth.labels("spool").set_function(read_depth)


class _Timed(AbstractContextManager[Span]):
    """Both at once; a class, because a generator would cost as much as what is timed."""

    __slots__ = ("_histogram", "_now_s", "_span", "_start_s")

    def __init__(self, histogram: Histogram, span: AbstractContextManager[Span], now_s: Callable[[], float]) -> None:
        self._histogram = histogram
        self._span = span
        self._now_s = now_s

    def __enter__(self) -> Span:
        self._start_s = self._now_s()
        return self._span.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._histogram.observe(self._now_s() - self._start_s)
        self._span.__exit__(kind, error, trace)
