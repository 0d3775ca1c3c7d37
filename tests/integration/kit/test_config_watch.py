import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import LogCapture

from pointsman.api.config.v1.config_pb2 import ConfigKind, ConfigSnapshot, ConfigVersion
from pointsman.api.registry.v1 import registry_pb2, registry_pb2_grpc
from pointsman.kit import config_watch
from pointsman.kit.config_watch import ConfigWatcher, read_copy
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import GrpcServerLimits, RunningGrpcServer, serve_grpc
from pointsman.kit.local_network import LocalNetwork
from tests.integration.kit.echo import Transport, capturing_log, until

REGISTRY = "pointsman.api.registry.v1.RegistryService"
CATALOG, CLASSIFICATION = ConfigKind.CONFIG_KIND_CATALOG, ConfigKind.CONFIG_KIND_CLASSIFICATION


def snapshot(number: int, *, kind: ConfigKind.ValueType = CATALOG, epoch: str = "e1") -> ConfigSnapshot:
    return ConfigSnapshot(kind=kind, version=ConfigVersion(epoch=epoch, number=number))


class FakeRegistry(registry_pb2_grpc.RegistryServiceServicer):
    """Sends what a test puts in, and keeps what subscribers report."""

    def __init__(self, *first: ConfigSnapshot) -> None:
        self.first = first
        self.watch_count = 0
        self.later: asyncio.Queue[ConfigSnapshot] = asyncio.Queue()
        self.reports: list[tuple[int, str]] = []
        self.silent = False

    async def WatchConfig(  # noqa: N802  # gRPC's name
        self, request: registry_pb2.WatchConfigRequest, context: Any
    ) -> AsyncIterator[registry_pb2.WatchConfigResponse]:
        self.watch_count += 1
        for one in self.first:
            if one.kind in request.kinds:
                yield registry_pb2.WatchConfigResponse(snapshot=one)
        if self.silent:
            await asyncio.Event().wait()
        while True:
            try:
                async with asyncio.timeout(0.05):
                    one = await self.later.get()
            except TimeoutError:
                yield registry_pb2.WatchConfigResponse(heartbeat=registry_pb2.Heartbeat())
            else:
                yield registry_pb2.WatchConfigResponse(snapshot=one)

    async def ReportApplied(  # noqa: N802  # gRPC's name
        self, request: registry_pb2.ReportAppliedRequest, context: Any
    ) -> registry_pb2.ReportAppliedResponse:
        self.reports.append((request.version.number, request.rejection))
        return registry_pb2.ReportAppliedResponse()

    async def ApplyChanges(  # noqa: N802  # gRPC's name
        self, request: registry_pb2.ApplyChangesRequest, context: Any
    ) -> registry_pb2.ApplyChangesResponse:
        raise NotImplementedError

    async def ListVersions(  # noqa: N802  # gRPC's name
        self, request: registry_pb2.ListVersionsRequest, context: Any
    ) -> registry_pb2.ListVersionsResponse:
        raise NotImplementedError

    async def RestoreVersion(  # noqa: N802  # gRPC's name
        self, request: registry_pb2.RestoreVersionRequest, context: Any
    ) -> registry_pb2.RestoreVersionResponse:
        raise NotImplementedError

    async def ListAuditEntries(  # noqa: N802  # gRPC's name
        self, request: registry_pb2.ListAuditEntriesRequest, context: Any
    ) -> registry_pb2.ListAuditEntriesResponse:
        raise NotImplementedError

    async def GetStatus(  # noqa: N802  # gRPC's name
        self, request: registry_pb2.GetStatusRequest, context: Any
    ) -> registry_pb2.GetStatusResponse:
        raise NotImplementedError


@asynccontextmanager
async def serve_registry(
    registry: FakeRegistry, *, port: int = 0, max_watch_s: float = 3_600.0, network: LocalNetwork | None = None
) -> AsyncIterator[RunningGrpcServer]:
    async with serve_grpc(
        host="127.0.0.1",
        port=port,
        service_names=[REGISTRY],
        register=lambda server: registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server),
        log=capturing_log()[0],
        limits=GrpcServerLimits(long_lived_methods=frozenset({"WatchConfig"}), max_watch_s=max_watch_s),
        drain_s=0.2,
        network=network,
    ) as server:
        await server.set_serving(REGISTRY, serving=True)
        yield server


@dataclass
class Subscriber:
    """A service that takes snapshots into use."""

    watcher: ConfigWatcher
    taken: list[int]
    logged: LogCapture
    refused: set[int] = field(default_factory=set)


@asynccontextmanager
async def subscribe(
    address: str,
    folder: Path,
    *,
    kinds: Sequence[ConfigKind.ValueType] = (CATALOG,),
    refuse: Callable[[int], None] = lambda _: None,
    silence_s: float = config_watch.SILENCE_S,
    network: LocalNetwork | None = None,
) -> AsyncIterator[Subscriber]:
    log, logged = capturing_log()
    taken: list[int] = []

    def apply(given: ConfigSnapshot) -> None:
        refuse(given.version.number)
        taken.append(given.version.number)

    async with ServiceChannel(address, service=REGISTRY, network=network) as channel:
        watcher = ConfigWatcher(
            channel=channel,
            service="demo",
            instance_id="demo_1",
            kinds=kinds,
            folder=folder,
            apply=apply,
            log=log,
            silence_s=silence_s,
        )
        watcher.load_from_disk()
        running = asyncio.create_task(watcher.run())
        try:
            yield Subscriber(watcher, taken, logged)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def events(subscriber: Subscriber) -> list[str]:
    return [entry["event"] for entry in subscriber.logged.entries]


async def test_the_first_snapshot_makes_ready_and_each_new_one_is_taken_and_reported(tmp_path: Path, transport: Transport) -> None:
    registry = FakeRegistry(snapshot(1))
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, network=transport.network) as subscriber,
    ):
        await asyncio.wait_for(subscriber.watcher.wait_ready(), 2)
        registry.later.put_nowait(snapshot(2))
        await until(lambda: registry.reports == [(1, ""), (2, "")])
    assert subscriber.taken == [1, 2]
    (applied,) = subscriber.watcher.applied()
    assert (applied.version.number, applied.from_disk) == (2, False)


async def test_it_is_ready_when_every_kind_has_come(tmp_path: Path, transport: Transport) -> None:
    registry = FakeRegistry(snapshot(1))
    kinds = [CATALOG, CLASSIFICATION]
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, kinds=kinds, network=transport.network) as subscriber,
    ):
        await until(lambda: subscriber.taken == [1])
        ready = asyncio.create_task(subscriber.watcher.wait_ready())
        await asyncio.sleep(0)
        assert not ready.done()
        assert [applied.version.number for applied in subscriber.watcher.applied()] == [1, 0]
        registry.later.put_nowait(snapshot(7, kind=CLASSIFICATION))
        await asyncio.wait_for(ready, 2)


async def test_the_same_version_again_is_not_taken_again_and_another_epochs_is(tmp_path: Path, transport: Transport) -> None:
    registry = FakeRegistry(snapshot(1))
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, network=transport.network) as subscriber,
    ):
        registry.later.put_nowait(snapshot(1))
        registry.later.put_nowait(snapshot(1, epoch="e2"))
        await until(lambda: len(registry.reports) == 3)
    assert subscriber.taken == [1, 1]


async def test_without_a_registry_it_starts_from_disk(tmp_path: Path, transport: Transport) -> None:
    registry = FakeRegistry(snapshot(3))
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, network=transport.network),
    ):
        await until(lambda: registry.reports == [(3, "")])
    async with subscribe("127.0.0.1:1", tmp_path) as second:
        await asyncio.wait_for(second.watcher.wait_ready(), 0.1)
        (applied,) = second.watcher.applied()
    assert (second.taken, applied.version.number, applied.from_disk) == ([3], 3, True)


async def test_the_registry_confirms_what_came_from_disk(tmp_path: Path, transport: Transport) -> None:
    config_watch.write_copy(tmp_path / "config_kind_catalog.snapshot", snapshot(3))
    registry = FakeRegistry(snapshot(3))
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, network=transport.network) as subscriber,
    ):
        await until(lambda: registry.reports == [(3, "")])
        assert not subscriber.watcher.applied()[0].from_disk
    assert subscriber.taken == [3]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:40] + b"x" + data[41:]], ids=["cut", "empty", "bit"]
)
async def test_a_damaged_copy_is_ignored_and_logged(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "config_kind_catalog.snapshot"
    config_watch.write_copy(path, snapshot(3, epoch="a long name of an epoch"))
    path.write_bytes(damage(path.read_bytes()))
    async with subscribe("127.0.0.1:1", tmp_path) as subscriber:
        assert subscriber.taken == []
        assert events(subscriber)[0] == "config_copy_unreadable"


async def test_a_snapshot_that_cannot_be_used_is_reported_and_changes_nothing(tmp_path: Path, transport: Transport) -> None:
    def refuse(number: int) -> None:
        if number == 2:
            raise InvalidArgument("invalid_value", "models[3]: no price")

    registry = FakeRegistry(snapshot(1), snapshot(2))
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, refuse=refuse, network=transport.network) as subscriber,
    ):
        await until(lambda: len(registry.reports) == 2)
        registry.later.put_nowait(snapshot(3))
        await until(lambda: len(registry.reports) == 3)
    assert [number for number, rejection in registry.reports if not rejection] == [1, 3]
    assert "models[3]: no price" in registry.reports[1][1]
    assert subscriber.taken == [1, 3]


async def test_a_rejected_snapshot_is_not_kept(tmp_path: Path, transport: Transport) -> None:
    def refuse(number: int) -> None:
        if number == 2:
            raise ValueError("no")

    registry = FakeRegistry(snapshot(1), snapshot(2))
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, refuse=refuse, network=transport.network),
    ):
        await until(lambda: len(registry.reports) == 2)
    assert read_copy(tmp_path / "config_kind_catalog.snapshot").version.number == 1


async def test_a_registry_that_dies_and_returns_is_found_and_its_absence_logged_once(tmp_path: Path) -> None:
    async with serve_registry(FakeRegistry(snapshot(1))) as server:
        address, port = server.address, int(server.address.rpartition(":")[2])
        subscription = subscribe(address, tmp_path)
        subscriber = await subscription.__aenter__()
        await until(lambda: subscriber.taken == [1])
    await until(lambda: "registry_away" in events(subscriber))
    again = FakeRegistry(snapshot(2))
    async with serve_registry(again, port=port):
        async with asyncio.timeout(5):
            await until(lambda: subscriber.taken == [1, 2])
        await subscription.__aexit__(None, None, None)
    assert events(subscriber).count("registry_away") == 1


async def test_a_watch_that_ends_with_its_time_is_begun_again_and_is_no_outage(tmp_path: Path, transport: Transport) -> None:
    registry = FakeRegistry(snapshot(1))
    async with (
        serve_registry(registry, max_watch_s=0.5, network=transport.network) as server,
        subscribe(server.address, tmp_path, network=transport.network) as subscriber,
    ):
        await until(lambda: registry.watch_count == 3)
    assert subscriber.taken == [1]
    assert "registry_away" not in events(subscriber)


async def test_a_registry_that_falls_silent_is_left(tmp_path: Path, transport: Transport) -> None:
    registry = FakeRegistry(snapshot(1))
    registry.silent = True
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, tmp_path, silence_s=0.2, network=transport.network) as subscriber,
    ):
        await until(lambda: registry.watch_count == 2)
    assert subscriber.taken == [1]
    assert "registry_away" in events(subscriber)


async def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, transport: Transport) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be", encoding="utf-8")
    registry = FakeRegistry(snapshot(1))
    async with (
        serve_registry(registry, network=transport.network) as server,
        subscribe(server.address, blocked / "deeper", network=transport.network) as subscriber,
    ):
        await until(lambda: registry.reports == [(1, "")])
    assert subscriber.taken == [1]
    assert "config_copy_unwritable" in events(subscriber)
