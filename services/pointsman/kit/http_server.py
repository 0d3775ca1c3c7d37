"""How a service is served over HTTP: uvicorn inside the running loop, on a socket of ours."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from socket import SO_SNDBUF, SOL_SOCKET, socket
from typing import Literal

import uvicorn
from uvicorn.server import ServerState

from pointsman.kit.background import in_background
from pointsman.kit.errors import ServiceError, Unavailable
from pointsman.kit.http_limits import HttpLimits
from pointsman.kit.http_middleware import NO_ROUTE, App, Receive, Scope, Send
from pointsman.kit.http_protocol import BoundedProtocol
from pointsman.kit.listening import bind, join_address
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.metrics import OTHER_METHOD
from pointsman.kit.request_drain import RunningRequests
from pointsman.kit.telemetry import Telemetry

# What the last words of requests that are cut need to leave.
FAREWELL_S = 1.5
DEFAULT_LIMITS = HttpLimits()
EVENT_REFUSED = "http_request_refused"
EVENT_CUT = "http_connection_cut"
BACKLOG = 2_048
MAX_WEBSOCKET_MESSAGE_BYTES = 1 << 20  # what a page's form may hold, many times over


@dataclass(frozen=True, slots=True)
class RunningHttpServer:
    """A server that takes requests."""

    address: str
    requests: RunningRequests
    state: ServerState

    @property
    def connections(self) -> list[BoundedProtocol]:
        """Those that are open, websockets left out."""
        return [connection for connection in self.state.connections if isinstance(connection, BoundedProtocol)]


class EmbeddedServer(uvicorn.Server):
    """uvicorn without signal handlers: the process's lifecycle is not its business."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start. Raises Unavailable where the application refuses to."""
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn would end the process
            raise Unavailable("start_refused", "serve HTTP: the application did not start") from error
        self.has_started.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signals to the process."""
        yield


@asynccontextmanager
async def serve_http(
    app: App,
    *,
    host: str,
    port: int,
    drain_s: float,
    lifespan: Literal["off", "on"] = "off",
    websockets: Literal["none", "websockets-sansio"] = "none",
    limits: HttpLimits = DEFAULT_LIMITS,
    log: Logger | None = None,
    telemetry: Telemetry | None = None,
) -> AsyncIterator[RunningHttpServer]:
    """Serve the ASGI application until the context is left, then let running requests finish for drain_s.

    app: ASGI 3; behind an EdgeMiddleware those that do not finish hear "shutting_down", else they are just cut.
    lifespan: "on" where it must be told of start and end. websockets: which of uvicorn's implementations serves them, if any.
    log, telemetry: the service's, told of requests that never reach the application. Raises AddressInUse where the port is
    taken, Unavailable where the application does not start.
    """
    bound = bind(host, port)
    bound.setsockopt(SOL_SOCKET, SO_SNDBUF, limits.send_buffer_bytes)  # each connection inherits it
    bound.listen(BACKLOG)  # at once: who connects before uvicorn is up waits, and is not refused
    requests = RunningRequests()
    config = uvicorn.Config(
        counted(app, requests),
        log_config=None,
        access_log=False,
        lifespan=lifespan,
        http=partial(BoundedProtocol, limits=limits, observer=Doorkeeper(log or get_logger("http"), telemetry)),  # type: ignore[arg-type]  # it is called as the class is
        ws=websockets,
        ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
        loop="none",
        backlog=BACKLOG,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(drain_s + FAREWELL_S),
    )
    server = EmbeddedServer(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    async with in_background(sweep(server.server_state, limits)):
        try:
            await wait_started(server, serving)
            yield RunningHttpServer(join_address(host, bound.getsockname()[1]), requests, server.server_state)
        finally:
            requests.drain(drain_s)
            server.should_exit = True
            try:
                await serving
                await cut_off(server.server_state)
            finally:
                bound.close()  # where it never came to serving


class Doorkeeper:
    """Notes what never reaches the application."""

    def __init__(self, log: Logger, telemetry: Telemetry | None) -> None:
        self._log = log
        self._telemetry = telemetry

    def refused(self, error: ServiceError, status: int) -> None:
        """As Observer's."""
        if self._telemetry is not None:
            self._telemetry.calls.count_http(OTHER_METHOD, NO_ROUTE, status, 0.0)
        self._log.info(EVENT_REFUSED, status=status, reason=error.reason)

    def cut(self, reason: str) -> None:
        """As Observer's."""
        self._log.info(EVENT_CUT, reason=reason)


def counted(app: App, requests: RunningRequests) -> App:
    """The application, whose requests end when the server does."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        async with requests.serving():
            await app(scope, receive, send)

    return serve


async def sweep(state: ServerState, limits: HttpLimits) -> None:
    """Look after all connections, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(limits.sweep_s)
        now_s = loop.time()
        for connection in list(state.connections):
            if isinstance(connection, BoundedProtocol):
                connection.check(now_s)


async def cut_off(state: ServerState) -> None:
    """Close what uvicorn left open, and wait for what it cancelled."""
    for connection in list(state.connections):
        if isinstance(connection, BoundedProtocol):
            connection.transport.abort()
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=FAREWELL_S)


async def wait_started(server: EmbeddedServer, serving: asyncio.Task[None]) -> None:
    """Return once it serves; raise why it does not."""
    starting = asyncio.create_task(server.has_started.wait())
    try:
        await asyncio.wait({starting, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        starting.cancel()
    if serving.done():
        serving.result()
