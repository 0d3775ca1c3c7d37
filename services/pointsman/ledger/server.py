"""The ledger's wiring."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata

from pointsman.api.ledger.v1 import ledger_pb2
from pointsman.api.ledger.v1.ledger_pb2_grpc import add_LedgerServiceServicer_to_server
from pointsman.api.status.v1.status_pb2 import ServiceStatus
from pointsman.kit.background import in_background
from pointsman.kit.grpc_server import RunningGrpcServer, serve_grpc
from pointsman.kit.ids import new_id
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.settings import require_service_token
from pointsman.kit.status import StatusReporter
from pointsman.ledger.adapters.sqlite_store import DATABASE_FILE, open_store
from pointsman.ledger.adapters.sqlite_usage import open_usage_reports
from pointsman.ledger.engine.bookkeeping import Bookkeeping
from pointsman.ledger.engine.expiry_timer import ExpiryTimer
from pointsman.ledger.engine.reporting import Reporting
from pointsman.ledger.servicer import LedgerServicer
from pointsman.ledger.settings import LedgerSettings

SERVICE = "ledger"
SERVICE_NAME = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name


@asynccontextmanager
async def serve(settings: LedgerSettings) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields the bound address.

    Raises Conflict where another ledger uses the folder, Unavailable where its database can not be opened.
    """
    log = get_logger(SERVICE)
    require_service_token(settings, service=SERVICE)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.folder, max_waiting=settings.max_waiting_writes, log=log))
        reports = await stack.enter_async_context(open_usage_reports(settings.folder / DATABASE_FILE))
        timer = ExpiryTimer(store, log=log)
        await timer.load()
        await stack.enter_async_context(in_background(timer.run()))
        server = await stack.enter_async_context(serve_books(settings, Bookkeeping(store, timer), Reporting(reports), log))
        await server.set_serving(SERVICE_NAME, serving=True)
        yield {"ledger_grpc": server.address}


@asynccontextmanager
async def serve_books(
    settings: LedgerSettings, bookkeeping: Bookkeeping, reporting: Reporting, log: Logger
) -> AsyncIterator[RunningGrpcServer]:
    """The gRPC server over the engine; its own status needs the server itself."""
    reporter = StatusReporter(SERVICE, instance_id=new_id(SERVICE), version=metadata.version("pointsman"))

    def report_status() -> ServiceStatus:
        return reporter.report(in_flight_count=server.in_flight_count, degraded=bookkeeping.degraded)

    servicer = LedgerServicer(bookkeeping, reporting, report_status)  # type: ignore[abstract]  # the proto promises more than is served yet
    async with serve_grpc(
        host=settings.host,
        port=settings.port,
        service_names=[SERVICE_NAME],
        register=lambda grpc_server: add_LedgerServiceServicer_to_server(servicer, grpc_server),
        service_token=settings.service_token,
        drain_s=settings.drain_s,
        log=log,
    ) as server:
        yield server
