"""What the executor counts, by OpenTelemetry's conventions for generative AI where there is one.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics: names with dots as underscores. Models and providers are
those of the newest catalogue, by their ids there; the series of one that has left it are dropped, and what comes later is "other".
"""

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pointsman.executor.core.breaker import BreakerState
from pointsman.executor.core.catalog import Catalog, Model
from pointsman.executor.core.completion import Attempt, AttemptOutcome

M = TypeVar("M", Histogram, Counter)

OTHER = "other"
CHAT = "chat"
CANCELLED = "cancelled"
# The convention's boundaries, and beyond them what a slow local model takes.
DURATION_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36)
FIRST_CHUNK_BUCKETS_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120)
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864)
CALL_LABELS = ("gen_ai_provider_name", "gen_ai_request_model", "gen_ai_operation_name")
BREAKER_VALUES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


def error_type_of(attempt: Attempt) -> str:
    """Why the attempt did not succeed, of a closed set; empty where it did."""
    if attempt.outcome is AttemptOutcome.CANCELLED:
        return CANCELLED
    return attempt.failure_reason.value if attempt.failure_reason is not None else ""


class ModelSeries(Generic[M]):
    """A family whose first labels are provider and model."""

    def __init__(self, family: M) -> None:
        """Begin without series."""
        self._family: M = family
        # Looking labels up costs more than counting; and those of models that leave have to be known.
        self._series: dict[tuple[str, ...], M] = {}

    def of(self, *labels: str) -> M:
        """The series with these labels."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = self._family.labels(*labels)
        return series

    def keep(self, names: Container[tuple[str, str]]) -> None:
        """Drop the series of all other providers and models."""
        for labels in [labels for labels in self._series if labels[:2] not in names]:
            self._family.remove(*labels)
            del self._series[labels]


class ExecutorMetrics:
    """The families, registered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """registry: the service's own."""
        self._registry = registry
        self._names: frozenset[tuple[str, str]] = frozenset()
        self._durations = ModelSeries(
            Histogram(
                "gen_ai_client_operation_duration_seconds",
                "Time of a call to a provider, from sending the request to the end of the answer.",
                [*CALL_LABELS, "error_type"],
                registry=registry,
                buckets=DURATION_BUCKETS_S,
            )
        )
        self._first_chunks = ModelSeries(
            Histogram(
                "gen_ai_client_operation_time_to_first_chunk_seconds",
                "Time from sending a request that streams to the first content.",
                CALL_LABELS,
                registry=registry,
                buckets=FIRST_CHUNK_BUCKETS_S,
            )
        )
        self._tokens = ModelSeries(
            Histogram(
                "gen_ai_client_token_usage",
                "Tokens of a call, as the provider counts them, estimated where it does not.",
                [*CALL_LABELS, "gen_ai_token_type"],
                registry=registry,
                buckets=TOKEN_BUCKETS,
            )
        )
        self._retries = ModelSeries(
            Counter(
                "pointsman_retries",
                "Calls made after a wait to a provider that had failed the same request.",
                ["provider", "model"],
                registry=registry,
            )
        )

    def adopt(self, catalog: Catalog) -> None:
        """Count by this catalogue's names from now on."""
        names = {(model.provider_id, model.id) for model in catalog.models.values()}
        others = {(provider_id, OTHER) for provider_id in (*catalog.providers, OTHER)}
        self._names = frozenset(names | others)
        for series in (self._durations, self._first_chunks, self._tokens):
            series.keep(self._names)
        self._retries.keep(self._names)

    def count_attempt(self, attempt: Attempt) -> None:
        """Count a call that has ended."""
        names = self._names_of(attempt.provider_id, attempt.model_id)
        self._durations.of(*names, CHAT, error_type_of(attempt)).observe(attempt.latency_s)
        if attempt.time_to_first_token_s is not None:
            self._first_chunks.of(*names, CHAT).observe(attempt.time_to_first_token_s)
        if attempt.usage is not None:
            self._tokens.of(*names, CHAT, "input").observe(attempt.usage.input_token_count)
            self._tokens.of(*names, CHAT, "output").observe(attempt.usage.output_token_count)

    def count_retry(self, model: Model) -> None:
        """Count a call to a provider that had failed the same request."""
        self._retries.of(*self._names_of(model.provider_id, model.id)).inc()

    def watch_fleet(
        self,
        breakers: Callable[[], Iterable[tuple[Model, BreakerState]]],
        callabilities: Callable[[], Iterable[tuple[str, bool]]],
        count_queued: Callable[[], int],
    ) -> None:
        """Tell, whenever scraped, how models and providers are. callabilities: each provider, and whether it can be called."""
        self._registry.register(FleetMetrics(breakers, callabilities))
        queued = Gauge("pointsman_queue_depth", "Calls that wait for a free place at their provider.", registry=self._registry)
        queued.set_function(count_queued)

    def _names_of(self, provider_id: str, model_id: str) -> tuple[str, str]:
        """Provider and model, by names of the catalogue alone."""
        for names in ((provider_id, model_id), (provider_id, OTHER)):
            if names in self._names:
                return names
        return OTHER, OTHER


class FleetMetrics(Collector):
    """Reads, whenever it is scraped, how the newest catalogue's models and providers are."""

    def __init__(
        self, breakers: Callable[[], Iterable[tuple[Model, BreakerState]]], callabilities: Callable[[], Iterable[tuple[str, bool]]]
    ) -> None:
        """As in `watch_fleet`."""
        self._breakers = breakers
        self._callabilities = callabilities

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families."""
        states = GaugeMetricFamily(
            "pointsman_breaker_state", "Circuit breaker of a model: 0 closed, 1 half-open, 2 open.", labels=["model", "provider"]
        )
        for model, state in self._breakers():
            states.add_metric([model.id, model.provider_id], BREAKER_VALUES[state])
        callabilities = GaugeMetricFamily("pointsman_provider_callable", "1 where the provider can be called, else 0.", labels=["provider"])
        for provider_id, is_callable in self._callabilities():
            callabilities.add_metric([provider_id], int(is_callable))
        yield states
        yield callabilities
