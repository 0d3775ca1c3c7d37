"""What a service tells machines of itself: metrics to be scraped, spans to be sent.

Each service has its own, so that all of them fit in one process; nothing is global.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from pointsman.kit.background import in_background
from pointsman.kit.metrics import AppliedConfigs, CallMetrics, ConfigMetrics, DegradedMetrics, loop_lag_histogram
from pointsman.kit.settings import ServiceSettings
from pointsman.kit.tracing import Tracing

LAG_SAMPLE_S = 0.5  # often enough to meet a stall that a caller would notice, and too seldom to be noticed itself


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One service's. registry: where its metrics are registered."""

    service: str
    registry: CollectorRegistry
    tracing: Tracing
    calls: CallMetrics = field(init=False)

    def __post_init__(self) -> None:
        """Register what every service counts."""
        object.__setattr__(self, "calls", CallMetrics(self.registry))


def silent_telemetry(service: str) -> Telemetry:
    """For tests and tools: counts, but traces nothing and runs nothing beside."""
    return Telemetry(service, CollectorRegistry(), Tracing())


@asynccontextmanager
async def open_telemetry(service: str, settings: ServiceSettings) -> AsyncIterator[Telemetry]:
    """A service's telemetry until the context is left; spans are sent where the settings name a collector, and flushed at the end."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # for the process: when each series began is told to nobody, and is a series of its own
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    async with AsyncExitStack() as stack:
        tracing = Tracing()
        if settings.otlp_endpoint is not None:
            from pointsman.kit.otlp_tracing import export_spans  # here, because the SDK is heavy and most installations have no collector

            tracing = await stack.enter_async_context(export_spans(service, settings.otlp_endpoint))
        await stack.enter_async_context(in_background(sample_loop_lag(loop_lag_histogram(registry))))
        yield Telemetry(service, registry, tracing)


async def sample_loop_lag(histogram: Histogram) -> None:
    """Sample for ever how late the loop gets to what is due."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + LAG_SAMPLE_S
        await asyncio.sleep(LAG_SAMPLE_S)
        histogram.observe(max(0.0, loop.time() - due_s))


def render_metrics(telemetry: Telemetry) -> tuple[bytes, str]:
    """Body and content type of `GET /metrics`."""
    return generate_latest(telemetry.registry), CONTENT_TYPE_PLAIN_0_0_4


def watch_config_metrics(telemetry: Telemetry, watcher: AppliedConfigs) -> None:
    """Tell, whenever scraped, which configuration the service uses. watcher: its ConfigWatcher."""
    telemetry.registry.register(ConfigMetrics(watcher))


def degraded_gauge(telemetry: Telemetry, read: Callable[[], Sequence[str]]) -> None:
    """Tell, whenever scraped, why the service works less well than it should. read: closed words, as in its ServiceStatus."""
    telemetry.registry.register(DegradedMetrics(read))
