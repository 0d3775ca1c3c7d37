"""What the gateway reports from, in memory: answers what a test gives it, and fails where a test says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pointsman.gateway.core.catalog import CatalogVersion
from pointsman.gateway.report_ports import (
    AppliedVersion,
    ClassifierFacts,
    DecisionPage,
    DecisionQuery,
    LedgerFacts,
    ProcessFacts,
    RegistryFacts,
    ServiceAnswer,
    ServiceName,
    Subscription,
    UsageQuery,
    UsageRow,
)
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError

NOW_S = 1_700_000_000.0  # 2023-11-14T22:13:20Z
VERSION = CatalogVersion("e", 7)


def facts(instance_id: str, *, degraded: tuple[str, ...] = ()) -> ProcessFacts:
    """A process that is well."""
    return ProcessFacts(
        version="0",
        instance_id=instance_id,
        start_time_s=NOW_S - 60,
        cpu_time_s=1.5,
        resident_memory_bytes=1 << 20,
        open_connection_count=4,
        in_flight_count=1,
        applied=(AppliedVersion("catalog", VERSION, from_disk=False),),
        degraded=degraded,
    )


OWN_FACTS = facts("gateway_1")
REGISTRY_FACTS = RegistryFacts(
    catalog_error=None,
    inactive_sections=("experiments",),
    last_sync_time_s=NOW_S - 30,
    data_sources=("catalog.yaml",),
    subscriptions=(Subscription("gateway", "gateway_1", "catalog", VERSION, None),),
)


def all_well() -> dict[ServiceName, ServiceAnswer]:
    """Every service answers."""
    return {
        ServiceName.CLASSIFIER: ServiceAnswer(0.001, None, facts("classifier_1"), ClassifierFacts("onnx-int8", "a1", ("coding",))),
        ServiceName.REGISTRY: ServiceAnswer(0.001, None, facts("registry_1"), REGISTRY_FACTS),
        ServiceName.EXECUTOR: ServiceAnswer(0.001, None, facts("executor_1")),
        ServiceName.LEDGER: ServiceAnswer(0.001, None, facts("ledger_1"), LedgerFacts(3, 1_500_000_000, 1, 2_000_000)),
    }


@dataclass
class FakeHealth:
    """Says of each service what it is given."""

    answers: dict[ServiceName, ServiceAnswer] = field(default_factory=all_well)

    async def ask(self, name: ServiceName, *, deadline: Deadline) -> ServiceAnswer:
        return self.answers[name]


@dataclass
class FakeUsage:
    """Answers each query with the next of its rows, and then with none."""

    rows: list[Sequence[UsageRow]] = field(default_factory=list)
    page: DecisionPage = field(default_factory=lambda: DecisionPage((), None))
    error: ServiceError | None = None
    queries: list[UsageQuery] = field(default_factory=list)
    decision_queries: list[DecisionQuery] = field(default_factory=list)

    async def sum_usage(self, query: UsageQuery, *, deadline: Deadline) -> Sequence[UsageRow]:
        if self.error is not None:
            raise self.error
        self.queries.append(query)
        return self.rows.pop(0) if self.rows else ()

    async def list_decisions(self, query: DecisionQuery, *, deadline: Deadline) -> DecisionPage:
        if self.error is not None:
            raise self.error
        self.decision_queries.append(query)
        return self.page
