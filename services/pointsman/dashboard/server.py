"""Wires the dashboard: the only place that makes its parts."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from pointsman.dashboard import names
from pointsman.dashboard.client import GatewayClient, open_client
from pointsman.dashboard.edge.gate import Gate, Pages
from pointsman.dashboard.edge.headers import SecurityHeaders
from pointsman.dashboard.edge.sessions import SignIns
from pointsman.dashboard.poller import Poller
from pointsman.dashboard.settings import DashboardSettings
from pointsman.kit.background import in_background
from pointsman.kit.errors import Unavailable
from pointsman.kit.health_routes import health_routes
from pointsman.kit.http_access import ServiceAccess
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.http_middleware import App, EdgeMiddleware
from pointsman.kit.http_server import serve_http
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.probes import metrics_route
from pointsman.kit.settings import require_safe_bind
from pointsman.kit.telemetry import Telemetry, open_telemetry

if TYPE_CHECKING:
    from pointsman.dashboard.pages.host import PageSources

SERVICE = "dashboard"
MAX_BODY_BYTES = 4 << 10  # a key in a form
DRAIN_S = 1.0  # open pages find another dashboard by themselves; there is nothing to finish


def refuse_open_address(settings: DashboardSettings) -> None:
    """Raise SettingsError where other machines could look without a key."""
    require_safe_bind(
        settings.host,
        has_credential=settings.key is not None,
        allow_anonymous=settings.allow_anonymous,
        what="dashboard: set POINTSMAN_DASHBOARD_KEY or POINTSMAN_ADMIN_KEY",
    )


@asynccontextmanager
async def serve(settings: DashboardSettings) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields {"dashboard": address}. Once in a process.

    Raises SettingsError for an open address without a key, AddressInUse where the port is taken, Unavailable
    "library_missing" where NiceGUI cannot be imported.
    """
    log = get_logger(SERVICE)
    refuse_open_address(settings)
    sign_ins = SignIns(settings.key, now=time.monotonic)
    if sign_ins.is_open:
        log.warning(names.ANONYMOUS_ACCESS, host=settings.host)
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(SERVICE, settings))
        client = await stack.enter_async_context(open_client(settings.gateway_url, settings.key))
        poller = Poller(client, interval_s=settings.poll_interval_s, wall_time=time.time, log=log)
        pages = await make_pages(settings, client, poller, sign_ins, log)
        await stack.enter_async_context(in_background(poller.run()))
        app = build_app(settings, pages, sign_ins, telemetry, log)
        running = await stack.enter_async_context(
            serve_http(
                app,
                host=settings.host,
                port=settings.port,
                drain_s=DRAIN_S,
                lifespan="on",
                websockets="websockets-sansio",
                log=log,
                telemetry=telemetry,
            )
        )
        log.info(names.SERVING, address=running.address)
        yield {SERVICE: running.address}


async def make_pages(settings: DashboardSettings, client: GatewayClient, poller: Poller, sign_ins: SignIns, log: Logger) -> Pages:
    """The pages. NiceGUI is imported here, in a thread: it takes the better part of a second, and no other command needs it."""
    try:
        host = await asyncio.to_thread(import_module, "pointsman.dashboard.pages.host")
    except ImportError as error:
        raise Unavailable("library_missing", f"dashboard: {error}; pip install 'pointsman[dashboard]' brings what it needs") from error
    sources: PageSources = host.PageSources(
        poller=poller,
        read_decision=client.read_decision,
        sign_ins=sign_ins,
        gateway_url=settings.gateway_url,
        shows_key=settings.key is not None,
        log=log,
    )
    pages: Pages = host.mount_pages(sources)
    return pages


def build_app(settings: DashboardSettings, pages: Pages, sign_ins: SignIns, telemetry: Telemetry, log: Logger) -> App:
    """The whole application behind the edge."""
    access = ServiceAccess(settings.host, settings.service_token or settings.key)
    routes = [*health_routes(lambda: True), metrics_route(telemetry, access)]
    hosts = TrustedHosts(settings.trusted_hosts, bound_host=settings.host, service=SERVICE)
    gate = Gate(pages, routes, hosts=hosts, sign_ins=sign_ins, log=log)
    return SecurityHeaders(EdgeMiddleware(gate, max_body_bytes=MAX_BODY_BYTES, log=log, telemetry=telemetry))
