"""How the services are, asked of each over gRPC. Where a service runs several times, the channel chooses who answers."""

import time
from collections.abc import Awaitable, Callable, Mapping

from pointsman.api.classifier.v1 import classifier_pb2, classifier_pb2_grpc
from pointsman.api.config.v1.config_pb2 import ConfigKind
from pointsman.api.executor.v1 import executor_pb2, executor_pb2_grpc
from pointsman.api.ledger.v1 import ledger_pb2, ledger_pb2_grpc
from pointsman.api.registry.v1 import registry_pb2, registry_pb2_grpc
from pointsman.api.status.v1 import status_pb2
from pointsman.gateway.adapters.catalog_snapshot import seconds_of, version_of
from pointsman.gateway.adapters.usage_messages import unix_seconds_of
from pointsman.gateway.report_ports import (
    AppliedVersion,
    ClassifierFacts,
    LedgerFacts,
    ProcessFacts,
    RegistryFacts,
    ServiceAnswer,
    ServiceName,
    Subscription,
)
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError
from pointsman.kit.grpc_client import ServiceChannel

KIND_PREFIX = "CONFIG_KIND_"

Ask = Callable[[Deadline], Awaitable[ServiceAnswer]]


class ServiceHealthClient:
    """Implements the ServiceHealth port."""

    def __init__(self, channels: Mapping[ServiceName, ServiceChannel], *, now_s: Callable[[], float] = time.monotonic) -> None:
        """channels: those over which the services are called anyway, so that the answer is about what requests meet."""
        self._now_s = now_s
        self._ask: Mapping[ServiceName, Ask] = {
            ServiceName.CLASSIFIER: _ask_classifier(channels[ServiceName.CLASSIFIER]),
            ServiceName.REGISTRY: _ask_registry(channels[ServiceName.REGISTRY]),
            ServiceName.EXECUTOR: _ask_executor(channels[ServiceName.EXECUTOR]),
            ServiceName.LEDGER: _ask_ledger(channels[ServiceName.LEDGER]),
        }

    async def ask(self, name: ServiceName, *, deadline: Deadline) -> ServiceAnswer:
        """Its answer, or why there is none."""
        start_s = self._now_s()
        try:
            answer = await self._ask[name](deadline)
        except ServiceError as error:
            return ServiceAnswer(failure=error.reason)
        return ServiceAnswer(round_trip_s=self._now_s() - start_s, process=answer.process, details=answer.details)


def _ask_classifier(channel: ServiceChannel) -> Ask:
    stub = classifier_pb2_grpc.ClassifierServiceStub(channel.channel)

    async def ask(deadline: Deadline) -> ServiceAnswer:
        message = await channel.call(stub.GetStatus, classifier_pb2.GetStatusRequest(), deadline=deadline)
        facts = ClassifierFacts(
            encoder=message.encoder or None, artifact_version=message.artifact_version or None, categories=tuple(message.categories)
        )
        return ServiceAnswer(process=process_facts(message.status), details=facts)

    return ask


def _ask_registry(channel: ServiceChannel) -> Ask:
    stub = registry_pb2_grpc.RegistryServiceStub(channel.channel)

    async def ask(deadline: Deadline) -> ServiceAnswer:
        message = await channel.call(stub.GetStatus, registry_pb2.GetStatusRequest(), deadline=deadline)
        return ServiceAnswer(process=process_facts(message.status), details=registry_facts(message))

    return ask


def _ask_executor(channel: ServiceChannel) -> Ask:
    stub = executor_pb2_grpc.ExecutorServiceStub(channel.channel)

    async def ask(deadline: Deadline) -> ServiceAnswer:
        message = await channel.call(stub.GetStatus, executor_pb2.GetStatusRequest(), deadline=deadline)
        return ServiceAnswer(process=process_facts(message.status))

    return ask


def _ask_ledger(channel: ServiceChannel) -> Ask:
    stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)

    async def ask(deadline: Deadline) -> ServiceAnswer:
        message = await channel.call(stub.GetStatus, ledger_pb2.GetStatusRequest(), deadline=deadline)
        facts = LedgerFacts(message.attempt_count, message.total_cost_nanousd, message.open_spend_count, message.reserved_nanousd)
        return ServiceAnswer(process=process_facts(message.status), details=facts)

    return ask


def registry_facts(message: registry_pb2.GetStatusResponse) -> RegistryFacts:
    """What the registry tells of the catalogue."""
    return RegistryFacts(
        catalog_error=message.catalog_error or None,
        inactive_sections=tuple(message.inactive_sections),
        last_sync_time_s=unix_seconds_of(message.last_sync_time) if message.HasField("last_sync_time") else None,
        data_sources=tuple(message.data_sources),
        subscriptions=tuple(
            Subscription(
                service=state.subscriber.service,
                instance_id=state.subscriber.instance_id,
                kind=kind_name(state.kind),
                version=version_of(state.version),
                rejection=state.rejection or None,
            )
            for state in message.subscribers
        ),
    )


def process_facts(status: status_pb2.ServiceStatus) -> ProcessFacts:
    """What every service tells."""
    return ProcessFacts(
        version=status.version,
        instance_id=status.instance_id,
        start_time_s=unix_seconds_of(status.start_time),
        cpu_time_s=seconds_of(status.cpu_time),
        resident_memory_bytes=status.resident_memory_bytes,
        open_connection_count=status.open_connection_count,
        in_flight_count=status.in_flight_count,
        applied=tuple(
            AppliedVersion(kind=kind_name(config.kind), version=version_of(config.version), from_disk=config.from_disk)
            for config in status.applied_configs
        ),
        degraded=tuple(status.degraded),
    )


def kind_name(kind: ConfigKind.ValueType) -> str:
    """A kind in the words of the API; that of a newer service by its number."""
    return ConfigKind.Name(kind).removeprefix(KIND_PREFIX).lower() if kind in ConfigKind.values() else str(kind)
