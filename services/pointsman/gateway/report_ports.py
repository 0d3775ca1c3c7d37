"""What the gateway's reports need of other services, in its own words. `adapters/` asks them; nothing here decides a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pointsman.gateway.core.catalog import CatalogVersion
from pointsman.gateway.ports import DecisionRecord
from pointsman.kit.deadline import Deadline

MAX_USAGE_ROWS = 10_000  # what the ledger answers at most


class UsageDimension(StrEnum):
    """What booked attempts are grouped by."""

    MODEL = "model"  # and its provider
    PROVIDER = "provider"
    PROJECT = "project"
    KEY = "key"
    CATEGORY = "category"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which attempts to sum up. Times are seconds of the Unix epoch; `end_time_s` is left out of it."""

    start_time_s: float
    end_time_s: float
    group_by: tuple[UsageDimension, ...] = ()
    bucket_s: int | None = None  # set where grouped by time: rows begin at its multiples since the epoch
    model_id: str | None = None  # None: any


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Half, 95 % and 99 % are at most so long, seconds."""

    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over the attempts of one group. Names are None where not grouped by them, or where the attempts have none."""

    request_count: int
    attempt_count: int
    succeeded_attempt_count: int
    failed_attempt_count: int
    input_token_count: int
    output_token_count: int
    operator_cost_nanousd: int
    caller_cost_nanousd: int
    unpriced_attempt_count: int
    latency: Percentiles | None = None  # of whole answers; None: there was none
    time_to_first_token: Percentiles | None = None
    model_id: str | None = None
    provider_id: str | None = None
    project_id: str | None = None
    key_id: str | None = None
    category: str | None = None
    bucket_start_s: float | None = None


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions to list. Conditions that are set must all hold."""

    page_size: int
    page_token: str = ""  # empty: from the newest
    request_id: str | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """Decisions, newest first. `next_page_token` is None where there are no more."""

    records: tuple[DecisionRecord, ...]
    next_page_token: str | None


class UsageReports(Protocol):
    """What the ledger has booked. Raises ServiceError: "invalid_value" for what it does not take, "dependency_down" where it is away."""

    async def sum_usage(self, query: UsageQuery, *, deadline: Deadline) -> Sequence[UsageRow]:
        """A row per group that has attempts, by time, then by cost, highest first."""

    async def list_decisions(self, query: DecisionQuery, *, deadline: Deadline) -> DecisionPage:
        """A page of decisions."""


class ServiceName(StrEnum):
    """The services that the gateway calls."""

    CLASSIFIER = "classifier"
    REGISTRY = "registry"
    EXECUTOR = "executor"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class AppliedVersion:
    """Which version of a kind of configuration a process uses; number 0: none yet."""

    kind: str
    version: CatalogVersion
    from_disk: bool  # no registry has confirmed it since


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What a service tells of its process. Of several, the one that answered."""

    version: str
    instance_id: str
    start_time_s: float
    cpu_time_s: float
    resident_memory_bytes: int
    open_connection_count: int
    in_flight_count: int
    applied: tuple[AppliedVersion, ...]
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassifierFacts:
    """What the classifier has loaded."""

    encoder: str | None
    artifact_version: str | None
    categories: tuple[str, ...]

    @property
    def has_encoder(self) -> bool:
        """True where prompts are judged by more than rules."""
        return self.encoder is not None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the registry knows of one process that takes its configuration."""

    service: str
    instance_id: str
    kind: str
    version: CatalogVersion
    rejection: str | None


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """How the newest catalogue came to be."""

    catalog_error: str | None  # why the last reload was refused
    inactive_sections: tuple[str, ...]
    last_sync_time_s: float | None
    data_sources: tuple[str, ...]
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the books hold."""

    attempt_count: int
    total_cost_nanousd: int
    open_spend_count: int
    reserved_nanousd: int


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What a service said when asked how it is. `failure`, a stable reason, is set where it said nothing; then so is nothing else."""

    round_trip_s: float | None = None
    failure: str | None = None
    process: ProcessFacts | None = None
    details: ClassifierFacts | RegistryFacts | LedgerFacts | None = None  # the executor's are watched all the time


class ServiceHealth(Protocol):
    """Asks a service how it is."""

    async def ask(self, name: ServiceName, *, deadline: Deadline) -> ServiceAnswer:
        """Its answer, or why there is none. Raises nothing that is expected."""
