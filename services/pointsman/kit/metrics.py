"""Metrics that every service has, over prometheus_client. Labels come from closed sets, never from text of a user."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pointsman.api.config.v1.config_pb2 import ConfigKind
from pointsman.api.status.v1.status_pb2 import AppliedConfig

# A hop costs about a millisecond, a classification a few, a completion seconds; streams may last the ten minutes that a request may.
CALL_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
# RFC 9110's, and PATCH: a method is the caller's word until it is one of these.
HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
OTHER_METHOD = "_OTHER"  # as OpenTelemetry's conventions have it
CONFIG_KIND_PREFIX = "CONFIG_KIND_"


class CallMetrics:
    """Durations of the calls and requests that a service takes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the families."""
        self._rpc = Histogram(
            "rpc_server_duration_seconds",
            "Time from a call's arrival to its end.",
            ["rpc_method", "outcome"],
            registry=registry,
            buckets=CALL_BUCKETS_S,
        )
        self._http = Histogram(
            "http_server_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            ["http_request_method", "http_route", "http_response_status_code"],
            registry=registry,
            buckets=CALL_BUCKETS_S,
        )
        # Looking a label set up costs more than counting in it.
        self._rpc_children: dict[tuple[str, str], Histogram] = {}
        self._http_children: dict[tuple[str, str, int | None], Histogram] = {}

    def count_rpc(self, method: str, outcome: str, duration_s: float) -> None:
        """Count a call. outcome: "ok", "cancelled", or the failure's reason."""
        child = self._rpc_children.get((method, outcome))
        if child is None:
            child = self._rpc_children[method, outcome] = self._rpc.labels(method, outcome)
        child.observe(duration_s)

    def count_http(self, method: str, route: str, status: int | None, duration_s: float) -> None:
        """Count a request. route: its template; status: None where nothing was answered."""
        method = known_method(method)
        child = self._http_children.get((method, route, status))
        if child is None:
            child = self._http_children[method, route, status] = self._http.labels(method, route, "" if status is None else str(status))
        child.observe(duration_s)


def known_method(method: str) -> str:
    """The method, where it is one; else one word for all others."""
    return method if method in HTTP_METHODS else OTHER_METHOD


def loop_lag_histogram(registry: CollectorRegistry) -> Histogram:
    """How late the event loop gets to what is due."""
    return Histogram(
        "pointsman_event_loop_lag_seconds",
        "How late the event loop gets to what is due, sampled.",
        registry=registry,
        buckets=LAG_BUCKETS_S,
    )


class AppliedConfigs(Protocol):
    """What knows which configuration is in use."""

    def applied(self) -> Sequence[AppliedConfig]:
        """A version for each kind; number 0 where none is in use."""

    def confirmed_s(self, kind: ConfigKind.ValueType) -> float | None:
        """When the kind's version was last known to be the newest, on the monotonic clock; None where none is in use."""


class ConfigMetrics(Collector):
    """Reads, whenever it is scraped, which configuration is in use and since when nobody has confirmed it."""

    def __init__(self, configs: AppliedConfigs, now_s: Callable[[], float] = time.monotonic) -> None:
        self._configs = configs
        self._now_s = now_s

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families."""
        versions = GaugeMetricFamily("pointsman_config_version", "Version in use; 0 where there is none.", labels=["kind"])
        ages = GaugeMetricFamily(
            "pointsman_config_age_seconds", "Time since the registry last confirmed that the version in use is the newest.", labels=["kind"]
        )
        for config in self._configs.applied():
            kind = ConfigKind.Name(config.kind).removeprefix(CONFIG_KIND_PREFIX).lower()
            versions.add_metric([kind], config.version.number)
            confirmed_s = self._configs.confirmed_s(config.kind)
            if confirmed_s is not None:
                ages.add_metric([kind], max(0.0, self._now_s() - confirmed_s))
        yield versions
        yield ages


class DegradedMetrics(Collector):
    """Reads, whenever it is scraped, why the service works less well than it should."""

    def __init__(self, read: Callable[[], Sequence[str]]) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The family: 1 for each reason that holds."""
        degraded = GaugeMetricFamily(
            "pointsman_degraded", "1 for each reason why the service works less well than it should.", labels=["reason"]
        )
        for reason in self._read():
            degraded.add_metric([reason], 1)
        yield degraded
