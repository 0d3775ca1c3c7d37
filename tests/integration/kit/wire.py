"""A client that sends bytes rather than requests, and an application to send them to."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from structlog.testing import LogCapture

from pointsman.kit.health_routes import health_routes
from pointsman.kit.http_application import Application
from pointsman.kit.http_limits import HttpLimits
from pointsman.kit.http_middleware import EdgeMiddleware
from pointsman.kit.http_server import RunningHttpServer, serve_http
from pointsman.kit.telemetry import Telemetry, silent_telemetry
from tests.integration.kit.echo import capturing_log

# Short, so that tests need not wait; what a timer sets has half a second to spare.
QUICK = HttpLimits(head_s=0.5, body_s=0.5, idle_s=0.5, write_stall_s=0.5, linger_s=0.2, sweep_s=0.05)
MAX_BODY_BYTES = 1 << 20
GET = b"GET /name/%s HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass
class Site:
    """The application, and what it saw."""

    release: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    served: list[str] = field(default_factory=list)
    seen_headers: list[dict[str, str]] = field(default_factory=list)
    logged: LogCapture = field(default_factory=LogCapture)
    telemetry: Telemetry = field(default_factory=lambda: silent_telemetry("site"))
    read_pause_s: float = 0.0

    async def name(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.served.append(name)
        if name == "slow":
            self.begun.set()
            await self.release.wait()
        return PlainTextResponse(name)

    async def size(self, request: Request) -> Response:
        self.begun.set()
        size = 0
        async for part in request.stream():
            size += len(part)
            await asyncio.sleep(self.read_pause_s)
            self.read_pause_s = 0.0
        self.seen_headers.append(dict(request.headers))
        return PlainTextResponse(str(size))

    async def large(self, request: Request) -> Response:
        self.begun.set()
        return Response(b"x" * int(request.query_params["bytes"]))

    async def endless(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 10_000

        return StreamingResponse(pieces())

    def events(self, name: str) -> list[dict[str, object]]:
        return [dict(entry) for entry in self.logged.entries if entry["event"] == name]


def serve_site(site: Site, *, limits: HttpLimits = QUICK, drain_s: float = 0) -> AbstractAsyncContextManager[RunningHttpServer]:
    app = Application(title="", version="", description="", schemas=dict)
    app.add_route("/name/{name}", site.name, methods=["GET"])
    app.add_route("/size", site.size, methods=["POST"])
    app.add_route("/large", site.large, methods=["GET"])
    app.add_route("/endless", site.endless, methods=["GET"])
    app.router.routes.extend(health_routes(lambda: True))
    log, site.logged = capturing_log()
    edge = EdgeMiddleware(app, max_body_bytes=MAX_BODY_BYTES, log=log)
    return serve_http(edge, host="127.0.0.1", port=0, drain_s=drain_s, limits=limits, log=log, telemetry=site.telemetry)


@dataclass
class Answer:
    """One answer, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])


class Wire:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def drip(self, data: bytes, pause_s: float) -> None:
        """A byte at a time, until the other end will not have them."""
        for value in data:
            if self._writer.is_closing():
                return
            self._writer.write(bytes([value]))
            await asyncio.sleep(pause_s)

    async def answer(self, timeout_s: float = 3) -> Answer:
        async with asyncio.timeout(timeout_s):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            return Answer(int(head[0].split()[1]), headers, await self._reader.readexactly(int(headers["content-length"])))

    async def line(self) -> bytes:
        async with asyncio.timeout(3):
            return await self._reader.readline()

    async def closed(self, timeout_s: float = 3) -> bytes:
        """What comes until the other end closes."""
        rest = b""
        async with asyncio.timeout(timeout_s):
            try:
                while data := await self._reader.read(1 << 16):
                    rest += data
            except ConnectionError:
                pass
        return rest

    async def some(self, most_bytes: int) -> int:
        """How many bytes came, at most so many."""
        async with asyncio.timeout(3):
            return len(await self._reader.read(most_bytes))


@asynccontextmanager
async def dial(server: RunningHttpServer, *, receive_buffer_bytes: int | None = None) -> AsyncIterator[Wire]:
    """receive_buffer_bytes: small for a client that does not read; nothing is read then before it is asked for."""
    host, _, port = server.address.rpartition(":")
    connected = socket.socket()
    connected.setblocking(False)
    if receive_buffer_bytes is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    await asyncio.get_running_loop().sock_connect(connected, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=connected, limit=receive_buffer_bytes or 1 << 16)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def exchange(server: RunningHttpServer, data: bytes) -> Answer:
    async with dial(server) as wire:
        wire.send(data)
        return await wire.answer()
