"""A registry in a process of its own, and calls to one: `python -m tests.integration.registry.registry_process VAR CATALOG`."""

import asyncio
import fcntl
import json
import sys
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from pointsman.api.config.v1 import config_pb2
from pointsman.api.registry.v1 import registry_pb2 as pb
from pointsman.api.registry.v1 import registry_pb2_grpc
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.lifecycle import run_until_stopped
from pointsman.kit.logging import configure_logging
from pointsman.registry.server import SERVICE_NAME, serve
from pointsman.registry.settings import RegistrySettings

ROOT = Path(__file__).parents[3]
CALL_TIMEOUT_S = 20.0
BOTH_KINDS = (config_pb2.CONFIG_KIND_CATALOG, config_pb2.CONFIG_KIND_CLASSIFICATION)
SUBSCRIBER = pb.Subscriber(service="gateway", instance_id="gw-1")
CATALOG_TEXT = """\
schema_version: 1
providers:
  demo: {kind: scripted}
models:
  - {id: first, provider: demo}
"""


def put_model(model_id: str, provider_id: str = "demo") -> pb.CatalogChange:
    return pb.CatalogChange(put_model=config_pb2.Model(id=model_id, provider_id=provider_id))


class RegistryCalls:
    """The registry's methods over gRPC."""

    def __init__(self, channel: ServiceChannel) -> None:
        self._channel = channel
        self._stub = registry_pb2_grpc.RegistryServiceStub(channel.channel)

    async def status(self) -> pb.GetStatusResponse:
        return await self._channel.call(self._stub.GetStatus, pb.GetStatusRequest(), deadline=Deadline.after(CALL_TIMEOUT_S))

    async def apply(
        self, base: config_pb2.ConfigVersion, *changes: pb.CatalogChange, dry_run: bool = False, force: bool = False, adopt: bool = False
    ) -> pb.ApplyChangesResponse:
        request = pb.ApplyChangesRequest(base_version=base, changes=changes, dry_run=dry_run, force=force, adopt=adopt, author="tester")
        return await self._channel.call(self._stub.ApplyChanges, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def versions(self, page_size: int = 0, page_token: str = "") -> pb.ListVersionsResponse:
        request = pb.ListVersionsRequest(page_size=page_size, page_token=page_token)
        return await self._channel.call(self._stub.ListVersions, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def audit_entries(self, page_size: int = 0, page_token: str = "") -> pb.ListAuditEntriesResponse:
        request = pb.ListAuditEntriesRequest(page_size=page_size, page_token=page_token)
        return await self._channel.call(self._stub.ListAuditEntries, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def restore(
        self, base: config_pb2.ConfigVersion, number: int, *, force: bool = False, author: str = "restorer"
    ) -> pb.RestoreVersionResponse:
        request = pb.RestoreVersionRequest(base_version=base, number=number, force=force, author=author)
        return await self._channel.call(self._stub.RestoreVersion, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def report_applied(self, snapshot: config_pb2.ConfigSnapshot, rejection: str = "") -> None:
        request = pb.ReportAppliedRequest(subscriber=SUBSCRIBER, kind=snapshot.kind, version=snapshot.version, rejection=rejection)
        await self._channel.call(self._stub.ReportApplied, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    @asynccontextmanager
    async def watch(
        self, kinds: Sequence[config_pb2.ConfigKind.ValueType] = BOTH_KINDS, subscriber: pb.Subscriber = SUBSCRIBER
    ) -> AsyncIterator["Watch"]:
        request = pb.WatchConfigRequest(subscriber=subscriber, kinds=kinds)
        async with self._channel.stream(self._stub.WatchConfig, request, deadline=Deadline.after(CALL_TIMEOUT_S)) as messages:
            yield Watch(messages)

    async def catalog(self) -> config_pb2.ConfigSnapshot:
        """The newest catalogue."""
        async with self.watch([config_pb2.CONFIG_KIND_CATALOG]) as watch:
            return await watch.next_snapshot()


class Watch:
    """One open watch."""

    def __init__(self, messages: AsyncIterator[pb.WatchConfigResponse]) -> None:
        self._messages = messages

    async def next_message(self) -> pb.WatchConfigResponse:
        return await anext(self._messages)

    async def next_snapshot(self) -> config_pb2.ConfigSnapshot:
        while not (message := await anext(self._messages)).HasField("snapshot"):
            pass
        return message.snapshot


@asynccontextmanager
async def calls_to(address: str) -> AsyncIterator[RegistryCalls]:
    """Calls to the registry at that address."""
    async with ServiceChannel(address, service=SERVICE_NAME) as channel:
        yield RegistryCalls(channel)


@asynccontextmanager
async def registry_in_process(
    var_dir: Path, catalog: Path, *, terminal: int | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A registry's process and its address; killed at the end where it still runs."""
    process = await start(var_dir, catalog, terminal=terminal)
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        assert line, "the registry did not start"
        yield process, json.loads(line)["registry_grpc"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def start(var_dir: Path, catalog: Path, *, terminal: int | None = None) -> asyncio.subprocess.Process:
    """The process; it prints its address when it is ready. terminal: descriptor of the one that it runs in, None: it has none."""
    command = [sys.executable, "-m", "tests.integration.registry.registry_process", str(var_dir), str(catalog)]
    pipe = asyncio.subprocess.PIPE
    take_terminal = None if terminal is None else partial(fcntl.ioctl, terminal, termios.TIOCSCTTY, 0)
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=pipe, stderr=pipe, start_new_session=True, preexec_fn=take_terminal
    )


def main() -> int:
    async def print_addresses(addresses: Mapping[str, str]) -> None:
        print(json.dumps(dict(addresses)), flush=True)

    configure_logging("error")  # nobody reads the pipe while it runs
    settings = RegistrySettings(port=0, rest_port=0, var_dir=Path(sys.argv[1]), catalog=Path(sys.argv[2]), drain_s=5)
    return run_until_stopped(serve(settings), on_ready=print_addresses)


if __name__ == "__main__":
    sys.exit(main())
