"""The executor's wiring: what is made of what, and the order in which it starts and stops. Nothing is decided here."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata

from pointsman.api.config.v1 import config_pb2
from pointsman.api.executor.v1 import executor_pb2
from pointsman.api.executor.v1.executor_pb2_grpc import add_ExecutorServiceServicer_to_server
from pointsman.api.status.v1.status_pb2 import ServiceStatus
from pointsman.executor.adapters.catalog_snapshot import catalog_of
from pointsman.executor.adapters.http_provider import HttpProviders
from pointsman.executor.adapters.references import References
from pointsman.executor.adapters.scripted_provider import ScriptedProviders
from pointsman.executor.core.catalog import ProviderKind
from pointsman.executor.core.fleet import Fleet
from pointsman.executor.core.ports import ProviderCaller
from pointsman.executor.core.providers.spoken import TRANSLATORS
from pointsman.executor.engine.catalogs import CatalogHistory
from pointsman.executor.engine.completion import CompletionEngine
from pointsman.executor.engine.metrics import ExecutorMetrics
from pointsman.executor.engine.provider_states import ProviderStates
from pointsman.executor.servicer import ExecutorServicer
from pointsman.executor.settings import ExecutorSettings
from pointsman.kit.background import in_background
from pointsman.kit.config_watch import REGISTRY_SERVICE, ConfigWatcher
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import GrpcServerLimits, RunningGrpcServer, serve_grpc
from pointsman.kit.ids import new_id
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.probes import serve_probes
from pointsman.kit.settings import DOTENV, read_environment, require_service_token
from pointsman.kit.status import StatusReporter
from pointsman.kit.telemetry import Telemetry, open_telemetry, watch_config_metrics

SERVICE = "executor"
SERVICE_NAME = executor_pb2.DESCRIPTOR.services_by_name["ExecutorService"].full_name

LIMITS = GrpcServerLimits(
    max_concurrent_calls=4_096,  # as many as there may be connections to providers
    max_message_bytes=48 << 20,  # bodies hold images
    long_lived_methods=frozenset({"WatchProviderStates"}),
)
# A start waits so long for a catalogue; past it the service is there, and says that it is not serving.
FIRST_CATALOG_S = 10.0


@asynccontextmanager
async def serve(
    settings: ExecutorSettings, *, environ: Mapping[str, str] | None = None, network: LocalNetwork | None = None
) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields the bound addresses once a catalogue is there and its listings were asked for.

    environ: where the catalogue's "env:" references are looked up; None: the process's, and `.env`.
    network: where services of the same process find each other; None: over sockets.
    """
    log = get_logger(SERVICE)
    require_service_token(settings, service=SERVICE)
    references = References(read_environment(os.environ, DOTENV) if environ is None else environ)
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(SERVICE, settings))
        http = await stack.enter_async_context(HttpProviders(references))
        channel = await stack.enter_async_context(
            ServiceChannel(settings.registry_target, service=REGISTRY_SERVICE, service_token=settings.service_token, network=network)
        )
        parts = make_parts(settings, http, channel, telemetry, log)
        watch_config_metrics(telemetry, parts.watcher)
        parts.watcher.load_from_disk()
        await stack.enter_async_context(in_background(parts.watcher.run(), parts.states.run()))
        is_ready = asyncio.Event()
        rest_address = await stack.enter_async_context(
            serve_probes(
                host=settings.host,
                port=settings.rest_port,
                telemetry=telemetry,
                is_ready=is_ready.is_set,
                service_token=settings.service_token,
                log=log,
            )
        )
        server = await stack.enter_async_context(serve_engine(settings, parts, telemetry, network, log))
        stack.callback(parts.states.end)  # else those who watch would use up the time to drain
        await stack.enter_async_context(ready_when_there_is_a_catalog(server, parts, is_ready))
        stack.callback(is_ready.clear)
        yield {"executor_grpc": server.address, "executor_rest": rest_address}


@dataclass(frozen=True, slots=True)
class Parts:
    """The executor's long-lived parts."""

    engine: CompletionEngine
    states: ProviderStates
    watcher: ConfigWatcher
    instance_id: str


def make_parts(settings: ExecutorSettings, http: ProviderCaller, channel: ServiceChannel, telemetry: Telemetry, log: Logger) -> Parts:
    """The engine and what feeds it."""
    callers: dict[ProviderKind, ProviderCaller] = {
        ProviderKind.OPENAI: http,
        ProviderKind.AZURE_OPENAI: http,
        ProviderKind.SCRIPTED: ScriptedProviders(),
    }
    fleet, catalogs, instance_id = Fleet(), CatalogHistory(), new_id(SERVICE)
    states = ProviderStates(
        callers=callers, translators=TRANSLATORS, fleet=fleet, demo=settings.demo, now=time.monotonic, wall_time=time.time, log=log
    )
    metrics = ExecutorMetrics(telemetry.registry)
    metrics.watch_fleet(states.breakers, states.callabilities, lambda: sum(state.queued_count for state in states.models))
    engine = CompletionEngine(
        catalogs=catalogs,
        states=states,
        fleet=fleet,
        callers=callers,
        translators=TRANSLATORS,
        now=time.monotonic,
        wall_time=time.time,
        draw=random.random,
        new_attempt_id=partial(new_id, "att"),
        metrics=metrics,
        tracing=telemetry.tracing,
        log=log,
    )

    def apply(snapshot: config_pb2.ConfigSnapshot) -> None:
        catalog = catalog_of(snapshot)
        catalogs.add(catalog)
        metrics.adopt(catalog)
        states.apply(catalog)

    watcher = ConfigWatcher(
        channel=channel,
        service=SERVICE,
        instance_id=instance_id,
        kinds=[config_pb2.CONFIG_KIND_CATALOG],
        folder=settings.folder,
        apply=apply,
        log=log,
    )
    return Parts(engine, states, watcher, instance_id)


@asynccontextmanager
async def serve_engine(
    settings: ExecutorSettings, parts: Parts, telemetry: Telemetry, network: LocalNetwork | None, log: Logger
) -> AsyncIterator[RunningGrpcServer]:
    """The gRPC server over the engine; its own status needs the server itself."""
    reporter = StatusReporter(SERVICE, instance_id=parts.instance_id, version=metadata.version("pointsman"))

    def report_status() -> ServiceStatus:
        return reporter.report(in_flight_count=server.in_flight_count, applied=parts.watcher.applied())

    servicer = ExecutorServicer(parts.engine, parts.states, report_status)  # type: ignore[abstract]  # the proto promises more than is served yet
    async with serve_grpc(
        host=settings.host,
        port=settings.port,
        service_names=[SERVICE_NAME],
        register=lambda grpc_server: add_ExecutorServiceServicer_to_server(servicer, grpc_server),
        limits=LIMITS,
        service_token=settings.service_token,
        drain_s=settings.drain_s,
        telemetry=telemetry,
        network=network,
        log=log,
    ) as server:
        yield server


@asynccontextmanager
async def ready_when_there_is_a_catalog(server: RunningGrpcServer, parts: Parts, is_ready: asyncio.Event) -> AsyncIterator[None]:
    """Serve once a catalogue is there, and say so; waited for at the start, but not for ever."""

    async def become_ready() -> None:
        await parts.watcher.wait_ready()
        await parts.states.probed()
        await server.set_serving(SERVICE_NAME, serving=True)
        is_ready.set()

    async with in_background(become_ready()):
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_CATALOG_S):
                await is_ready.wait()
        yield
