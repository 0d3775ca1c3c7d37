"""How a service is served over HTTP: uvicorn inside the running loop, on a socket of ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from pointsman.kit.listening import bind, join_address

KEEP_ALIVE_S = 75  # longer than the 60 s that load balancers keep an idle connection, so that they close first
BACKLOG = 2_048


@dataclass(frozen=True, slots=True)
class RunningHttpServer:
    """A server that takes requests."""

    address: str


class EmbeddedServer(uvicorn.Server):
    """uvicorn without signal handlers: the process's lifecycle is not its business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signals to the process."""
        yield


@asynccontextmanager
async def serve_http(app: Any, *, host: str, port: int, drain_s: float) -> AsyncIterator[RunningHttpServer]:
    """Serve the ASGI application until the context is left, then let running requests finish for drain_s, in whole seconds, at least 1.

    app: any ASGI 3 application. Raises AddressInUse where the port is taken.
    """
    bound = bind(host, port)
    bound.listen(BACKLOG)  # at once: who connects before uvicorn is up waits, and is not refused
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http="httptools",
        ws="none",
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
        yield RunningHttpServer(join_address(host, bound.getsockname()[1]))
    finally:
        server.should_exit = True
        await serving
