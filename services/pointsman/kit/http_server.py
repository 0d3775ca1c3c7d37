"""How a service is served over HTTP: uvicorn inside the running loop, on a socket of ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from socket import socket
from typing import Any, Literal

import uvicorn

from pointsman.kit.errors import Unavailable
from pointsman.kit.listening import bind, join_address

KEEP_ALIVE_S = 75  # longer than the 60 s that load balancers keep an idle connection, so that they close first
BACKLOG = 2_048
MAX_WEBSOCKET_MESSAGE_BYTES = 1 << 20  # what a page's form may hold, many times over


@dataclass(frozen=True, slots=True)
class RunningHttpServer:
    """A server that takes requests."""

    address: str


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
    app: Any,
    *,
    host: str,
    port: int,
    drain_s: float,
    lifespan: Literal["off", "on"] = "off",
    websockets: Literal["none", "websockets-sansio"] = "none",
) -> AsyncIterator[RunningHttpServer]:
    """Serve the ASGI application until the context is left, then let running requests finish for drain_s, in whole seconds, at least 1.

    app: any ASGI 3 application. lifespan: "on" where it must be told of start and end. websockets: which of uvicorn's
    implementations serves them, if any. Raises AddressInUse where the port is taken, Unavailable where the application
    does not start.
    """
    bound = bind(host, port)
    bound.listen(BACKLOG)  # at once: who connects before uvicorn is up waits, and is not refused
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan=lifespan,
        http="httptools",
        ws=websockets,
        ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
        loop="none",
        backlog=BACKLOG,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain_s)),
    )
    server = EmbeddedServer(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await wait_started(server, serving)
        yield RunningHttpServer(join_address(host, bound.getsockname()[1]))
    finally:
        server.should_exit = True
        try:
            await serving
        finally:
            bound.close()  # where it never came to serving


async def wait_started(server: EmbeddedServer, serving: asyncio.Task[None]) -> None:
    """Return once it serves; raise why it does not."""
    starting = asyncio.create_task(server.has_started.wait())
    try:
        await asyncio.wait({starting, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        starting.cancel()
    if serving.done():
        serving.result()
