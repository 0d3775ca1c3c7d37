"""What the ledger counts. It has no labels but of closed sets: projects and keys are in its reports."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pointsman.ledger.core.store import Standing

NANOUSD_PER_USD = 1_000_000_000
# Writes that share a commit: one when it is quiet, up to all that may wait.
COMMIT_WRITE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096)
# A flush takes some milliseconds on a disk of its own, some tens on a busy one; a locked file is given up after a second.
COMMIT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class LedgerMetrics:
    """The families, registered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """registry: the service's own."""
        self._registry = registry
        settlements = Counter(
            "pointsman_ledger_settlements", "Settlements that are on the disk, repeated ones too.", ["outcome"], registry=registry
        )
        self._settled, self._corrected = settlements.labels("settled"), settlements.labels("corrected")
        self._expired = Counter("pointsman_ledger_expired_spends", "Spends booked at their worst case.", registry=registry)
        self._commit_writes = Histogram(
            "pointsman_ledger_commit_writes", "Writes that shared a commit.", registry=registry, buckets=COMMIT_WRITE_BUCKETS
        )
        self._commit_duration = Histogram(
            "pointsman_ledger_commit_duration_seconds",
            "Time of a commit, failed ones too.",
            registry=registry,
            buckets=COMMIT_BUCKETS_S,
        )

    def count_settlement(self, *, corrected: bool) -> None:
        """Count a settlement. corrected: its spend had expired before."""
        (self._corrected if corrected else self._settled).inc()

    def count_expired(self, count: int) -> None:
        """Count spends that nobody settled in time."""
        self._expired.inc(count)

    def count_commit(self, write_count: int, duration_s: float) -> None:
        """Count a commit; called on the writing thread."""
        self._commit_writes.observe(write_count)
        self._commit_duration.observe(duration_s)

    def watch_store(self, read_standing: Callable[[], Standing], count_waiting: Callable[[], int]) -> None:
        """Tell, whenever scraped, where the books stand and how many writes wait."""

        def gauge(name: str, documentation: str, read: Callable[[], float]) -> None:
            Gauge(f"pointsman_ledger_{name}", documentation, registry=self._registry).set_function(read)

        gauge("rows", "Rows booked, those that correct others too.", lambda: read_standing().row_count)
        gauge("open_spends", "Spends that nobody has closed yet.", lambda: read_standing().open_spend_count)
        gauge("reserved_usd", "What the open spends hold back.", lambda: read_standing().reserved_nanousd / NANOUSD_PER_USD)
        gauge("waiting_writes", "Writes that wait for the commit under way.", count_waiting)
