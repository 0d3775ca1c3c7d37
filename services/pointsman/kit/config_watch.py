"""A service's subscription to its configuration: newest snapshots from the registry, the last good ones on disk.

With the registry away a service goes on with what it has, and starts with what is on disk.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from google.protobuf.message import DecodeError

from pointsman.api.config.v1.config_pb2 import ConfigKind, ConfigSnapshot, ConfigVersion
from pointsman.api.registry.v1 import registry_pb2, registry_pb2_grpc
from pointsman.api.status.v1.status_pb2 import AppliedConfig
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import InvalidArgument, ServiceError
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.logging import Logger

REGISTRY_SERVICE = registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name  # what the channel is made for
WATCH_S = 3_600.0  # the longest that the registry serves one watch
SILENCE_S = 3.0  # it beats each second: three missed beats are an outage
REPORT_S = 1.0
# Between two tries. A registry that restarts is back within seconds, and a few tries a second cost it nothing.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
DIGEST_BYTES = 32  # of SHA-256

EVENT_APPLIED = "config_applied"
EVENT_REJECTED = "config_rejected"
EVENT_COPY_UNREADABLE = "config_copy_unreadable"
EVENT_COPY_UNWRITABLE = "config_copy_unwritable"
EVENT_REPORT_LOST = "config_report_lost"
EVENT_REGISTRY_AWAY = "registry_away"


class ConfigWatcher:
    """Keeps one service's configuration fresh. apply: takes a snapshot into use, or raises ServiceError or ValueError."""

    def __init__(
        self,
        *,
        channel: ServiceChannel,
        service: str,
        instance_id: str,
        kinds: Sequence[ConfigKind.ValueType],
        folder: Path,
        apply: Callable[[ConfigSnapshot], None],
        log: Logger,
        silence_s: float = SILENCE_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """folder: where the copies are kept; made where it is missing. silence_s: after which the registry counts as away."""
        self._channel = channel
        self._stub = registry_pb2_grpc.RegistryServiceStub(channel.channel)
        self._subscriber = registry_pb2.Subscriber(service=service, instance_id=instance_id)
        self._kinds = tuple(kinds)
        self._folder = folder
        self._apply = apply
        self._log = log
        self._silence_s = silence_s
        self._now_s = now_s
        self._applied: dict[ConfigKind.ValueType, AppliedConfig] = {}
        self._confirmed_s: dict[ConfigKind.ValueType, float] = {}
        self._refused: set[ConfigKind.ValueType] = set()  # kinds whose newest version is not the one in use
        self._all_applied = asyncio.Event()
        self._away = False
        self._was_heard = False  # in the watch under way
        self._pause_s = FIRST_PAUSE_S

    def applied(self) -> list[AppliedConfig]:
        """Which version of each kind is in use; number 0 where none is."""
        return [self._applied.get(kind, AppliedConfig(kind=kind)) for kind in self._kinds]

    def confirmed_s(self, kind: ConfigKind.ValueType) -> float | None:
        """When the registry last confirmed that the kind's version in use is the newest, on the monotonic clock.

        For a copy from disk that nobody has confirmed: when it was read. None where none is in use.
        """
        return self._confirmed_s.get(kind)

    async def wait_ready(self) -> None:
        """Return once every kind has been applied."""
        await self._all_applied.wait()

    def load_from_disk(self) -> None:
        """Apply the copies that are there; one that cannot be read is logged and left."""
        for kind in self._kinds:
            path = self._copy_of(kind)
            if not path.exists():
                continue
            try:
                self._take(read_copy(path), from_disk=True)
            except (ServiceError, ValueError, OSError, DecodeError) as error:
                self._log.warning(EVENT_COPY_UNREADABLE, kind=ConfigKind.Name(kind), reason=str(error))

    async def run(self) -> None:
        """Watch for ever; begin anew whenever a watch ends."""
        while True:
            try:
                await self._watch()
            except TimeoutError:
                self._note_away(f"no sign of life for {self._silence_s:g} s")
            except ServiceError as error:
                # Every watch ends, with its hour or with its connection; an outage is one that cannot be begun again.
                if not self._was_heard:
                    self._note_away(str(error))
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)

    async def _watch(self) -> None:
        self._was_heard = False
        request = registry_pb2.WatchConfigRequest(subscriber=self._subscriber, kinds=self._kinds)
        async with self._channel.stream(self._stub.WatchConfig, request, deadline=Deadline.after(WATCH_S)) as messages:
            while True:
                async with asyncio.timeout(self._silence_s):
                    message = await anext(messages, None)
                if message is None:
                    return
                self._away, self._was_heard, self._pause_s = False, True, FIRST_PAUSE_S
                if message.HasField("snapshot"):
                    await self._receive(message.snapshot)
                self._note_confirmed()

    async def _receive(self, snapshot: ConfigSnapshot) -> None:
        rejection = ""
        try:
            self._take(snapshot, from_disk=False)
            self._refused.discard(snapshot.kind)
            await asyncio.to_thread(write_copy, self._copy_of(snapshot.kind), snapshot)
        except (ServiceError, ValueError) as error:
            rejection = str(error)
            self._refused.add(snapshot.kind)
            self._log.error(EVENT_REJECTED, kind=ConfigKind.Name(snapshot.kind), version=snapshot.version.number, reason=rejection)
        except OSError as error:  # in use all the same; only the next start would miss it
            self._log.error(EVENT_COPY_UNWRITABLE, kind=ConfigKind.Name(snapshot.kind), reason=str(error))
        await self._report(snapshot, rejection)

    def _take(self, snapshot: ConfigSnapshot, *, from_disk: bool) -> None:
        if snapshot.kind not in self._kinds:
            raise InvalidArgument("invalid_value", "snapshot: of a kind that was not asked for")
        known = self._applied.get(snapshot.kind)
        if known is None or known.version != snapshot.version:
            self._apply(snapshot)
            version: ConfigVersion = snapshot.version
            self._log.info(EVENT_APPLIED, kind=ConfigKind.Name(snapshot.kind), version=version.number, from_disk=from_disk)
        self._confirmed_s[snapshot.kind] = self._now_s()
        self._applied[snapshot.kind] = AppliedConfig(kind=snapshot.kind, version=snapshot.version, from_disk=from_disk)
        if len(self._applied) == len(self._kinds):
            self._all_applied.set()

    def _note_confirmed(self) -> None:
        # Each message of a watch, beats too, says that what came before is still the newest.
        now_s = self._now_s()
        for kind, config in self._applied.items():
            if kind not in self._refused and not config.from_disk:
                self._confirmed_s[kind] = now_s

    async def _report(self, snapshot: ConfigSnapshot, rejection: str) -> None:
        request = registry_pb2.ReportAppliedRequest(
            subscriber=self._subscriber, kind=snapshot.kind, version=snapshot.version, rejection=rejection
        )
        try:
            await self._channel.call(self._stub.ReportApplied, request, deadline=Deadline.after(REPORT_S))
        except ServiceError as error:
            self._log.warning(EVENT_REPORT_LOST, kind=ConfigKind.Name(snapshot.kind), reason=str(error))

    def _note_away(self, reason: str) -> None:
        # Once per outage, not once per try.
        if not self._away:
            self._log.warning(EVENT_REGISTRY_AWAY, reason=reason)
        self._away = True

    def _copy_of(self, kind: ConfigKind.ValueType) -> Path:
        return self._folder / f"{ConfigKind.Name(kind).lower()}.snapshot"


def read_copy(path: Path) -> ConfigSnapshot:
    """The snapshot kept in a file. Raises ValueError where the file is damaged."""
    data = path.read_bytes()
    digest, content = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"{path.name}: damaged")
    return ConfigSnapshot.FromString(content)


def write_copy(path: Path, snapshot: ConfigSnapshot) -> None:
    """Keep a snapshot, so that the file is the old one or the new one at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = snapshot.SerializeToString()
    # A name of its own: replicas may share the folder, and in containers even their process ids are the same.
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        partial.write_bytes(hashlib.sha256(content).digest() + content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
