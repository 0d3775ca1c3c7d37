"""The registry's wiring."""

import asyncio
import secrets
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib import metadata

from pointsman.api.registry.v1 import registry_pb2
from pointsman.api.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from pointsman.api.status.v1.status_pb2 import ServiceStatus
from pointsman.kit.background import in_background
from pointsman.kit.errors import Unavailable
from pointsman.kit.grpc_server import GrpcServerLimits, RunningGrpcServer, serve_grpc
from pointsman.kit.ids import new_id
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.settings import SettingsError, require_service_token
from pointsman.kit.status import StatusReporter
from pointsman.registry.adapters.catalog_files import CatalogFiles
from pointsman.registry.adapters.file_watch import file_changes
from pointsman.registry.adapters.state_file import StateFile
from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.problems import CatalogInvalid, SnapshotTooLarge, StateUnusable
from pointsman.registry.engine.configuration_keeper import ConfigurationKeeper, Tools
from pointsman.registry.engine.watch_hub import WatchHub
from pointsman.registry.servicer.registry_servicer import RegistryServicer
from pointsman.registry.servicer.snapshot_messages import encode_content
from pointsman.registry.settings import RegistrySettings
from pointsman.rules.rules_file import default_rules

SERVICE = "registry"
SERVICE_NAME = registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name
EPOCH_BYTES = 8


@asynccontextmanager
async def serve(settings: RegistrySettings) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields the bound address.

    Raises SettingsError with every fault of the catalogue where there is none that was good before,
    Unavailable where the folder for the state cannot be used.
    """
    log = get_logger(SERVICE)
    require_service_token(settings, service=SERVICE)
    async with AsyncExitStack() as stack:
        hub = WatchHub()
        files = CatalogFiles(settings.catalog_path, parse=parse_yaml)
        keeper = stack.enter_context(opened_keeper(settings, files, hub, log))
        await start_keeper(keeper)
        server = await stack.enter_async_context(serve_keeper(settings, keeper, hub, log))
        await stack.enter_async_context(in_background(reload_on_change(keeper, files)))
        stack.enter_context(reload_on_signal(keeper))
        await server.set_serving(SERVICE_NAME, serving=True)
        yield {"registry_grpc": server.address}


@contextmanager
def opened_keeper(settings: RegistrySettings, files: CatalogFiles, hub: WatchHub, log: Logger) -> Iterator[ConfigurationKeeper]:
    """The keeper over the state's folder. Raises Unavailable where another registry has it."""
    tools = Tools(
        parse=parse_yaml,
        encode=encode_content,
        default_rules=default_rules(),
        clock_s=time.time,
        new_epoch=lambda: secrets.token_hex(EPOCH_BYTES),
    )
    try:
        with StateFile.open(settings.folder) as store:
            yield ConfigurationKeeper(files, store, hub, tools, log)
    except StateUnusable as error:
        raise Unavailable("dependency_down", str(error)) from error


async def start_keeper(keeper: ConfigurationKeeper) -> None:
    """Take the catalogue in. Raises SettingsError with a line for each fault."""
    try:
        await keeper.start()
    except CatalogInvalid as error:
        raise SettingsError(error.lines()) from error
    except SnapshotTooLarge as error:
        raise SettingsError([str(error)]) from error


@asynccontextmanager
async def serve_keeper(
    settings: RegistrySettings, keeper: ConfigurationKeeper, hub: WatchHub, log: Logger
) -> AsyncIterator[RunningGrpcServer]:
    """The gRPC server over keeper and hub; its own status needs the server itself."""
    reporter = StatusReporter(SERVICE, instance_id=new_id(SERVICE), version=metadata.version("pointsman"))

    def report_status(degraded: list[str]) -> ServiceStatus:
        return reporter.report(in_flight_count=server.in_flight_count, degraded=degraded)

    servicer = RegistryServicer(keeper, hub, report_status=report_status, log=log)
    async with serve_grpc(
        host=settings.host,
        port=settings.port,
        service_names=[SERVICE_NAME],
        register=lambda grpc_server: add_RegistryServiceServicer_to_server(servicer, grpc_server),
        limits=GrpcServerLimits(long_lived_methods=frozenset({"WatchConfig"})),
        service_token=settings.service_token,
        drain_s=settings.drain_s,
        log=log,
    ) as server:
        yield server


async def reload_on_change(keeper: ConfigurationKeeper, files: CatalogFiles) -> None:
    """Reload after each burst of changes, for ever."""
    async for _ in file_changes(files.paths):
        await keeper.reload()


@contextmanager
def reload_on_signal(keeper: ConfigurationKeeper) -> Iterator[None]:
    """Reload on SIGHUP until the context is left."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def on_signal() -> None:
        task = loop.create_task(keeper.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_signal)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in reloads:
            task.cancel()
