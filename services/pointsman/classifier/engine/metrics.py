"""What the classifier counts. Labels come from closed sets and from the catalogue's categories, never from a prompt."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pointsman.classifier.core.ports import CacheEvent
from pointsman.kit.metrics import CALL_BUCKETS_S

CONFIDENCE_BUCKETS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class ClassifierMetrics:
    """The families, registered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """registry: the service's own."""
        self._seconds = Histogram(
            "pointsman_classification_seconds",
            "Time in which a prompt was judged, or its judgement found.",
            ["method", "cache"],
            registry=registry,
            buckets=CALL_BUCKETS_S,
        )
        self._confidence = Histogram(
            "pointsman_classification_confidence",
            "Probability of the category that was found.",
            ["category"],
            registry=registry,
            buckets=CONFIDENCE_BUCKETS,
        )
        self._cache_events = Counter(
            "pointsman_cache_events",
            "What happened around the cache of judgements.",
            ["cache", "event"],
            registry=registry,
        )
        self._queue_depth = Gauge("pointsman_queue_depth", "Texts in hand for the encoder.", registry=registry)

    def count_judgement(self, *, method: str, cache: str, category: str, confidence: float, duration_s: float) -> None:
        """Count an answer."""
        self._seconds.labels(method, cache).observe(duration_s)
        self._confidence.labels(category).observe(confidence)

    def cache_counter(self, cache: str) -> Callable[[CacheEvent], None]:
        """What counts the events of one cache, all of them from zero on. cache: the port's name."""
        counters = {event: self._cache_events.labels(cache, event.value) for event in CacheEvent}
        return lambda event: counters[event].inc()

    def watch_queue(self, read: Callable[[], int]) -> None:
        """Tell, whenever scraped, how many texts are in hand."""
        self._queue_depth.set_function(read)
