"""What the registry tells a scraper: versions, refusals, and how far subscribers are behind. Read whenever it is scraped."""

import time
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pointsman.api.config.v1.config_pb2 import ConfigKind as WireKind
from pointsman.api.status.v1.status_pb2 import AppliedConfig
from pointsman.registry.core.snapshot import ConfigKind
from pointsman.registry.engine.configuration_keeper import ConfigurationKeeper
from pointsman.registry.engine.watch_hub import SubscriberState, WatchHub
from pointsman.registry.servicer.snapshot_messages import CONFIG_KINDS, version_message

# A subscriber's name is the caller's word until it is one of these.
KNOWN_SUBSCRIBERS = frozenset({"gateway", "executor", "classifier", "ledger", "dashboard"})
OTHER_SUBSCRIBER = "other"


class KeptConfigs:
    """The versions that the registry hands out, as kit's metrics of configuration ask for them."""

    def __init__(self, keeper: ConfigurationKeeper) -> None:
        self._keeper = keeper

    def applied(self) -> Sequence[AppliedConfig]:
        """The newest version of each kind."""
        snapshots = self._keeper.running.snapshots
        return [AppliedConfig(kind=CONFIG_KINDS[kind], version=version_message(one.version)) for kind, one in snapshots.items()]

    def confirmed_s(self, _kind: WireKind.ValueType) -> float | None:
        """Now: whoever makes the versions knows the newest."""
        return time.monotonic()


class RegistryMetrics(Collector):
    """Refused reloads, and how many versions live subscribers are behind."""

    def __init__(self, keeper: ConfigurationKeeper, hub: WatchHub) -> None:
        self._keeper = keeper
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """The families."""
        failures = CounterMetricFamily(
            "pointsman_config_reload_failures", "Reloads of the catalogue's files that were refused; the same refusal in a row counts once."
        )
        failures.add_metric([], self._keeper.refusal_count)
        yield failures
        yield from self._subscriber_families()

    def _subscriber_families(self) -> Iterator[Metric]:
        counts = GaugeMetricFamily("pointsman_config_subscribers", "Live subscribers.", labels=["service", "kind"])
        lags = GaugeMetricFamily(
            "pointsman_config_subscriber_lag_versions",
            "Versions by which the live subscriber that is furthest behind is behind.",
            labels=["service", "kind"],
        )
        lags_of: dict[tuple[str, ConfigKind], list[int]] = {}
        for state in self._hub.subscribers():
            service = state.name.service if state.name.service in KNOWN_SUBSCRIBERS else OTHER_SUBSCRIBER
            lags_of.setdefault((service, state.kind), []).append(self._lag(state))
        for (service, kind), behind in lags_of.items():
            counts.add_metric([service, kind.value], len(behind))
            lags.add_metric([service, kind.value], max(behind))
        yield counts
        yield lags

    def _lag(self, state: SubscriberState) -> int:
        """Versions between the newest and the one in use; all of them where none of this store is."""
        newest, used = self._keeper.running.snapshots[state.kind].version, state.applied
        if used.version.epoch != newest.epoch:
            return newest.number
        return newest.number - used.version.number + (1 if used.rejection else 0)
