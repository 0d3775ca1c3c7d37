"""The registry's RPCs: from the wire to the engine and back."""

# ruff: noqa: N802, ARG002  # gRPC names the methods, and hands over what not every one needs

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from pointsman.api.config.v1 import config_pb2
from pointsman.api.registry.v1 import registry_pb2 as pb
from pointsman.api.registry.v1.registry_pb2_grpc import RegistryServiceServicer
from pointsman.api.status.v1.status_pb2 import ServiceStatus
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.logging import Logger
from pointsman.registry import names
from pointsman.registry.core.ports import History
from pointsman.registry.core.snapshot import ConfigKind, Version
from pointsman.registry.engine.configuration_keeper import ChangeRequest, ConfigurationKeeper
from pointsman.registry.engine.refusals import refusals_mapped
from pointsman.registry.engine.watch_hub import AppliedVersion, SubscriberName, SubscriberState, WatchHub
from pointsman.registry.servicer.change_messages import changes_of
from pointsman.registry.servicer.history_messages import audit_entry_message, catalog_version_message
from pointsman.registry.servicer.page_tokens import AUDIT_ENTRIES, BEFORE_ALL, VERSIONS, page_size_of, page_token, position_of
from pointsman.registry.servicer.snapshot_messages import CONFIG_KINDS, snapshot_message, timestamp, version_message

HEARTBEAT_S = 1.0  # three missed beats make a subscriber reconnect
MAX_NAME_LENGTH = 128
MAX_AUTHOR_LENGTH = 128
MAX_REJECTION_LENGTH = 1_000

KINDS = {number: kind for kind, number in CONFIG_KINDS.items()}

# Any: the generated base class leaves the context's message types open.
Context = grpc.aio.ServicerContext[Any, Any]


class RegistryServicer(RegistryServiceServicer):
    """Answers over the keeper, the hub and what was kept. report_status: what every service tells of itself."""

    def __init__(
        self, keeper: ConfigurationKeeper, hub: WatchHub, history: History, *, report_status: Callable[[], ServiceStatus], log: Logger
    ) -> None:
        self._keeper = keeper
        self._hub = hub
        self._history = history
        self._report_status = report_status
        self._log = log

    async def WatchConfig(self, request: pb.WatchConfigRequest, context: Context) -> AsyncIterator[pb.WatchConfigResponse]:
        """Send the newest snapshots, then each new one, and a heartbeat after each second without any."""
        kinds = {kind_of(number) for number in request.kinds}
        if not kinds:
            raise InvalidArgument("invalid_value", "kinds: must name at least one", param="kinds")
        with self._hub.subscribe(subscriber_of(request.subscriber), kinds) as subscription:
            while True:
                snapshots = await subscription.take(timeout_s=HEARTBEAT_S)
                for snapshot in snapshots:
                    yield pb.WatchConfigResponse(snapshot=snapshot_message(snapshot))
                if not snapshots:
                    yield pb.WatchConfigResponse(heartbeat=pb.Heartbeat(send_time=timestamp(time.time())))

    async def ReportApplied(self, request: pb.ReportAppliedRequest, context: Context) -> pb.ReportAppliedResponse:
        """Remember what a subscriber uses."""
        name, kind = subscriber_of(request.subscriber), kind_of(request.kind)
        rejection = request.rejection[:MAX_REJECTION_LENGTH]
        self._hub.report_applied(name, kind, AppliedVersion(version_of(request.version), rejection))
        if rejection:
            self._log.warning(names.SNAPSHOT_REJECTED, subscriber=name.service, instance_id=name.instance_id, kind=kind, reason=rejection)
        return pb.ReportAppliedResponse()

    async def ApplyChanges(self, request: pb.ApplyChangesRequest, context: Context) -> pb.ApplyChangesResponse:
        """Apply all changes as one new version, or none."""
        changes = ChangeRequest(
            changes_of(request),
            base=version_of(request.base_version),
            adopt=request.adopt,
            force=request.force,
            dry_run=request.dry_run,
            author=author_of(request.author),
        )
        with refusals_mapped():
            applied = await self._keeper.apply_changes(changes)
        return pb.ApplyChangesResponse(version=version_message(applied.version), diff_lines=applied.diff_lines)

    async def ListVersions(self, request: pb.ListVersionsRequest, context: Context) -> pb.ListVersionsResponse:
        """List the versions of the catalogue, newest first."""
        before = position_of(request.page_token, VERSIONS, self._epoch)
        with refusals_mapped():
            page = await self._history.list_versions(before, page_size_of(request.page_size))
        token = page_token(VERSIONS, self._epoch, page.records[-1].version.number) if page.has_more else ""
        return pb.ListVersionsResponse(versions=[catalog_version_message(record) for record in page.records], next_page_token=token)

    async def RestoreVersion(self, request: pb.RestoreVersionRequest, context: Context) -> pb.RestoreVersionResponse:
        """Make an earlier version's content the newest version."""
        if not 1 <= request.number < BEFORE_ALL:
            raise InvalidArgument("invalid_value", "number: must be 1 or more", param="number")
        author = author_of(request.author)
        with refusals_mapped():
            applied = await self._keeper.restore_version(
                request.number, base=version_of(request.base_version), force=request.force, author=author
            )
        return pb.RestoreVersionResponse(version=version_message(applied.version), diff_lines=applied.diff_lines)

    async def ListAuditEntries(self, request: pb.ListAuditEntriesRequest, context: Context) -> pb.ListAuditEntriesResponse:
        """List who changed what, newest first."""
        before = position_of(request.page_token, AUDIT_ENTRIES, self._epoch)
        with refusals_mapped():
            page = await self._history.list_audit_entries(before, page_size_of(request.page_size))
        token = page_token(AUDIT_ENTRIES, self._epoch, page.records[-1].sequence) if page.has_more else ""
        return pb.ListAuditEntriesResponse(entries=[audit_entry_message(record) for record in page.records], next_page_token=token)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """Tell how the service is."""
        status = self._keeper.status()
        return pb.GetStatusResponse(
            status=self._report_status(),
            model_count=status.model_count,
            active_model_count=status.active_model_count,
            last_sync_time=timestamp(status.last_sync_time_s),
            data_sources=status.data_sources,
            catalog_error=status.catalog_error,
            inactive_sections=status.inactive_sections,
            subscribers=[subscriber_message(state) for state in self._hub.subscribers()],
        )

    @property
    def _epoch(self) -> str:
        return self._keeper.running.catalog_version.epoch


def author_of(author: str) -> str:
    """Who makes a change. Raises InvalidArgument."""
    if len(author) > MAX_AUTHOR_LENGTH or not author.isprintable():
        raise InvalidArgument("invalid_value", f"author: must be at most {MAX_AUTHOR_LENGTH} printable characters", param="author")
    return author


def kind_of(number: int) -> ConfigKind:
    """A kind from its wire form. Raises InvalidArgument."""
    kind = KINDS.get(config_pb2.ConfigKind.ValueType(number))
    if kind is None:
        raise InvalidArgument("invalid_value", "kind: is unknown to this version", param="kind")
    return kind


def version_of(message: config_pb2.ConfigVersion) -> Version:
    """A version from its wire form."""
    return Version(message.epoch, message.number)


def subscriber_of(message: pb.Subscriber) -> SubscriberName:
    """Who subscribes. Raises InvalidArgument where a name is missing or too long."""
    for field, value in (("service", message.service), ("instance_id", message.instance_id)):
        if not 1 <= len(value) <= MAX_NAME_LENGTH or not value.isprintable():
            text = f"subscriber.{field}: must have 1 to {MAX_NAME_LENGTH} printable characters"
            raise InvalidArgument("invalid_value", text, param=f"subscriber.{field}")
    return SubscriberName(message.service, message.instance_id)


def subscriber_message(state: SubscriberState) -> pb.SubscriberState:
    """What is known of a subscriber."""
    return pb.SubscriberState(
        subscriber=pb.Subscriber(service=state.name.service, instance_id=state.name.instance_id),
        kind=CONFIG_KINDS[state.kind],
        version=version_message(state.applied.version),
        rejection=state.applied.rejection,
    )
