"""The registry's wiring."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata

from pointsman.api.registry.v1 import registry_pb2
from pointsman.api.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from pointsman.api.status.v1.status_pb2 import ServiceStatus
from pointsman.kit.background import in_background
from pointsman.kit.errors import Unavailable
from pointsman.kit.grpc_server import GrpcServerLimits, RunningGrpcServer, serve_grpc
from pointsman.kit.http_facade import serve_facade
from pointsman.kit.http_server import RunningHttpServer
from pointsman.kit.ids import new_id
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.settings import SettingsError, require_service_token
from pointsman.kit.status import StatusReporter
from pointsman.kit.telemetry import Telemetry, degraded_gauge, open_telemetry, watch_config_metrics
from pointsman.registry.adapters.catalog_files import CatalogFiles, read_text
from pointsman.registry.adapters.file_watch import file_changes
from pointsman.registry.adapters.former_state import import_former_state
from pointsman.registry.adapters.hangup_signal import has_terminal, on_hangup
from pointsman.registry.adapters.output_file import OutputFile, output_path
from pointsman.registry.adapters.sqlite_store import DATABASE_FILE, SqliteStore, open_store
from pointsman.registry.adapters.text_document import parse_document
from pointsman.registry.core.loading import load_shipped
from pointsman.registry.core.older.environment_catalog import ENVIRONMENT_ORIGIN, environment_entries
from pointsman.registry.core.ports import TextFile
from pointsman.registry.core.problems import CatalogInvalid, SnapshotTooLarge, StateUnusable
from pointsman.registry.engine.catalog_export import CatalogExport
from pointsman.registry.engine.condition import degraded_words
from pointsman.registry.engine.configuration_keeper import ConfigurationKeeper
from pointsman.registry.engine.preparation import Tools
from pointsman.registry.engine.watch_hub import WatchHub
from pointsman.registry.rest.app import facade_of
from pointsman.registry.rest.update_access import UpdateAccess
from pointsman.registry.servicer.registry_metrics import KeptConfigs, RegistryMetrics
from pointsman.registry.servicer.registry_servicer import RegistryServicer
from pointsman.registry.servicer.snapshot_messages import encode_content
from pointsman.registry.settings import SHIPPED_CATALOG, RegistrySettings
from pointsman.rules.rules_file import default_rules

SERVICE = "registry"
SERVICE_NAME = registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name
EPOCH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """What both servers answer from."""

    keeper: ConfigurationKeeper
    hub: WatchHub
    store: SqliteStore
    export: CatalogExport | None
    telemetry: Telemetry
    log: Logger

    def degraded(self) -> list[str]:
        """Why the service works less well than it should."""
        return degraded_words(self.keeper, self.export)


@asynccontextmanager
async def serve(settings: RegistrySettings, *, network: LocalNetwork | None = None) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields the bound addresses.

    network: where services of the same process find each other; None: over sockets.

    Raises SettingsError with every fault of the catalogue where there is none that was good before,
    Unavailable where the folder for the state cannot be used.
    """
    log = get_logger(SERVICE)
    require_service_token(settings, service=SERVICE)
    files = catalog_files(settings)
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(SERVICE, settings))
        store = await stack.enter_async_context(opened_store(settings, log))
        export = None if settings.output is None else CatalogExport(OutputFile(output_path(settings.output)), log)
        hub = WatchHub()
        parts = Parts(made_keeper(files, store, hub, export, log), hub, store, export, telemetry, log)
        await start_keeper(parts.keeper)
        stack.push_async_callback(parts.keeper.finish)
        measure(parts)
        server = await stack.enter_async_context(serve_calls(settings, parts, network))
        rest = await stack.enter_async_context(serve_rest(settings, parts))
        await stack.enter_async_context(in_background(reload_on_change(parts.keeper, files)))
        if export is not None:
            await stack.enter_async_context(in_background(export.run()))
        stack.enter_context(on_hangup(parts.keeper.reload, has_terminal=has_terminal()))
        await server.set_serving(SERVICE_NAME, serving=True)
        yield {"registry_grpc": server.address, "registry_rest": rest.address}


def catalog_files(settings: RegistrySettings) -> CatalogFiles:
    """What the catalogue is read from.

    Raises SettingsError where the environment's models are no models, or where the output would replace what is read or kept.
    """
    try:
        document = environment_entries(settings.environment)
    except CatalogInvalid as error:
        raise SettingsError([f"{problem.path}: {problem.message}" for problem in error.problems]) from error
    environment = None if document is None else TextFile(ENVIRONMENT_ORIGIN, json.dumps(document, ensure_ascii=False))
    # Where no file is named, the environment's two models are the whole catalogue.
    catalog = settings.catalog or environment or SHIPPED_CATALOG
    files = CatalogFiles(
        catalog, parse=parse_document, models_path=settings.models_json, environment=None if catalog is environment else environment
    )
    check_output(settings, files)
    return files


def check_output(settings: RegistrySettings, files: CatalogFiles) -> None:
    """Raises SettingsError where the output would replace what is read or kept."""
    if settings.output is None:
        return
    output = output_path(settings.output).resolve()
    if output in {path.resolve() for path in files.paths()}:
        raise SettingsError([f"OUTPUT_PATH: {settings.output} is what the catalogue is read from"])
    if output == (settings.folder / DATABASE_FILE).resolve():
        raise SettingsError([f"OUTPUT_PATH: {settings.output} is the registry's database"])


@asynccontextmanager
async def opened_store(settings: RegistrySettings, log: Logger) -> AsyncIterator[SqliteStore]:
    """The store, with what earlier versions of the program kept. Raises Unavailable, also where another registry has it."""
    try:
        async with open_store(settings.folder) as store:
            await import_former_state(settings.former_state_folder, store, log)
            yield store
    except StateUnusable as error:
        raise Unavailable("dependency_down", str(error)) from error


def made_keeper(files: CatalogFiles, store: SqliteStore, hub: WatchHub, export: CatalogExport | None, log: Logger) -> ConfigurationKeeper:
    """The keeper over the store."""
    tools = Tools(
        parse=parse_document,
        encode=encode_content,
        default_rules=default_rules(),
        clock_s=time.time,
        new_epoch=lambda: secrets.token_hex(EPOCH_BYTES),
        shipped=load_shipped(read_text(SHIPPED_CATALOG, SHIPPED_CATALOG.name), parse=parse_document),
    )
    return ConfigurationKeeper(files, store, store, hub, tools, log, on_published=None if export is None else export.offer)


async def start_keeper(keeper: ConfigurationKeeper) -> None:
    """Take the catalogue in. Raises SettingsError with a line for each fault."""
    try:
        await keeper.start()
    except CatalogInvalid as error:
        raise SettingsError(error.lines()) from error
    except SnapshotTooLarge as error:
        raise SettingsError([str(error)]) from error


def measure(parts: Parts) -> None:
    """Register what is told of configuration when metrics are scraped."""
    watch_config_metrics(parts.telemetry, KeptConfigs(parts.keeper))
    degraded_gauge(parts.telemetry, parts.degraded)
    parts.telemetry.registry.register(RegistryMetrics(parts.keeper, parts.hub))


@asynccontextmanager
async def serve_calls(settings: RegistrySettings, parts: Parts, network: LocalNetwork | None) -> AsyncIterator[RunningGrpcServer]:
    """The gRPC server; its own status needs the server itself."""
    reporter = StatusReporter(SERVICE, instance_id=new_id(SERVICE), version=metadata.version("pointsman"))

    def report_status() -> ServiceStatus:
        return reporter.report(in_flight_count=server.in_flight_count, degraded=parts.degraded())

    servicer = RegistryServicer(parts.keeper, parts.hub, parts.store, report_status=report_status, log=parts.log)
    async with serve_grpc(
        host=settings.host,
        port=settings.port,
        service_names=[SERVICE_NAME],
        register=lambda grpc_server: add_RegistryServiceServicer_to_server(servicer, grpc_server),
        limits=GrpcServerLimits(long_lived_methods=frozenset({"WatchConfig"})),
        service_token=settings.service_token,
        drain_s=settings.drain_s,
        telemetry=parts.telemetry,
        network=network,
        log=parts.log,
    ) as server:
        yield server


@asynccontextmanager
async def serve_rest(settings: RegistrySettings, parts: Parts) -> AsyncIterator[RunningHttpServer]:
    """The REST facade over the same keeper."""
    access = UpdateAccess(settings.host, settings.service_token, settings.admin_key)
    app = facade_of(parts.keeper, access=access, degraded=parts.degraded, telemetry=parts.telemetry, version=metadata.version("pointsman"))
    facade = serve_facade(
        app, host=settings.host, port=settings.rest_port, drain_s=settings.drain_s, telemetry=parts.telemetry, log=parts.log
    )
    async with facade as server:
        yield server


async def reload_on_change(keeper: ConfigurationKeeper, files: CatalogFiles) -> None:
    """Reload after each burst of changes, for ever."""
    async for _ in file_changes(files.paths):
        await keeper.reload()
