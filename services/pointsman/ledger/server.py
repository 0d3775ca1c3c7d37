"""The ledger's wiring: what is made of what, and the order in which it starts and stops. Nothing is decided here."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata

from pointsman.api.ledger.v1 import ledger_pb2
from pointsman.api.ledger.v1.ledger_pb2_grpc import add_LedgerServiceServicer_to_server
from pointsman.api.status.v1.status_pb2 import ServiceStatus
from pointsman.kit.background import in_background
from pointsman.kit.grpc_server import RunningGrpcServer, serve_grpc
from pointsman.kit.ids import new_id
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.probes import serve_probes
from pointsman.kit.settings import require_service_token
from pointsman.kit.status import StatusReporter
from pointsman.kit.telemetry import Telemetry, degraded_gauge, open_telemetry
from pointsman.ledger.adapters.sqlite_store import DATABASE_FILE, open_store
from pointsman.ledger.adapters.sqlite_usage import open_usage_reports
from pointsman.ledger.engine.bookkeeping import Bookkeeping
from pointsman.ledger.engine.expiry_timer import ExpiryTimer
from pointsman.ledger.engine.metrics import LedgerMetrics
from pointsman.ledger.engine.outcome_watch import OutcomeWatch
from pointsman.ledger.engine.reporting import Reporting
from pointsman.ledger.servicer import LedgerServicer
from pointsman.ledger.settings import LedgerSettings

SERVICE = "ledger"
SERVICE_NAME = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name


@asynccontextmanager
async def serve(settings: LedgerSettings, *, network: LocalNetwork | None = None) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields the bound addresses.

    network: where services of the same process find each other; None: over sockets.

    Raises Conflict where another ledger uses the folder, Unavailable where its database can not be opened.
    """
    log = get_logger(SERVICE)
    require_service_token(settings, service=SERVICE)
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(SERVICE, settings))
        books = await stack.enter_async_context(running_books(settings, LedgerMetrics(telemetry.registry), log))
        degraded_gauge(telemetry, lambda: books.bookkeeping.degraded)
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
        server = await stack.enter_async_context(serve_books(settings, books, telemetry, network, log))
        stack.callback(books.outcomes.end)  # else those who watch would use up the time to drain
        await server.set_serving(SERVICE_NAME, serving=True)
        is_ready.set()
        stack.callback(is_ready.clear)
        yield {"ledger_grpc": server.address, "ledger_rest": rest_address}


@dataclass(frozen=True, slots=True)
class OpenBooks:
    """What is done with the books."""

    bookkeeping: Bookkeeping
    reporting: Reporting
    outcomes: OutcomeWatch


@asynccontextmanager
async def running_books(settings: LedgerSettings, metrics: LedgerMetrics, log: Logger) -> AsyncIterator[OpenBooks]:
    """The engine over its store, with what expires spends beside it."""
    async with AsyncExitStack() as stack:
        opening = open_store(settings.folder, max_waiting=settings.max_waiting_writes, on_commit=metrics.count_commit, log=log)
        store = await stack.enter_async_context(opening)
        metrics.watch_store(lambda: store.standing, lambda: store.waiting_count)
        reports = await stack.enter_async_context(open_usage_reports(settings.folder / DATABASE_FILE))
        timer = ExpiryTimer(store, metrics=metrics, log=log)
        await timer.load()
        await stack.enter_async_context(in_background(timer.run()))
        yield OpenBooks(Bookkeeping(store, timer, metrics=metrics), Reporting(reports), OutcomeWatch(store))


@asynccontextmanager
async def serve_books(
    settings: LedgerSettings, books: OpenBooks, telemetry: Telemetry, network: LocalNetwork | None, log: Logger
) -> AsyncIterator[RunningGrpcServer]:
    """The gRPC server over the engine; its own status needs the server itself."""
    reporter = StatusReporter(SERVICE, instance_id=new_id(SERVICE), version=metadata.version("pointsman"))

    def report_status() -> ServiceStatus:
        return reporter.report(in_flight_count=server.in_flight_count, degraded=books.bookkeeping.degraded)

    servicer = LedgerServicer(books.bookkeeping, books.reporting, books.outcomes, report_status)  # type: ignore[abstract]  # the proto promises more than is served yet
    async with serve_grpc(
        host=settings.host,
        port=settings.port,
        service_names=[SERVICE_NAME],
        register=lambda grpc_server: add_LedgerServiceServicer_to_server(servicer, grpc_server),
        service_token=settings.service_token,
        drain_s=settings.drain_s,
        telemetry=telemetry,
        network=network,
        log=log,
    ) as server:
        yield server
