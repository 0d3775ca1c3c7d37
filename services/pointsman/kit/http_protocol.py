"""uvicorn's HTTP/1.1 protocol with bounds on what a connection may take: uvicorn has none on the receipt of a request.

Measured with uvicorn 0.54: a silent connection stays for ever, a head of 200 KB and 5,000 headers is taken, a client
that does not read its answer holds all of it in memory.
"""

import asyncio
import re
import urllib.parse
from typing import Any, NoReturn, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from pointsman.kit.errors import InvalidArgument, Overloaded, ServiceError
from pointsman.kit.http_cycle import BoundedCycle
from pointsman.kit.http_errors import RenderedError, render_error
from pointsman.kit.http_limits import HttpLimits
from pointsman.kit.http_outlet import Outlet
from pointsman.kit.ids import new_id
from pointsman.kit.json_loader import dump_json

VERSIONS = frozenset({"1.0", "1.1"})
CHUNKED = b"chunked"
AUTHORITY = re.compile(rb"[^/?#]*://([^/?#]*)")

OLD_VERSION = "1.0"
WRITE_STALL = "write_stall"


class Observer(Protocol):
    """Told of what never reaches the application."""

    def refused(self, error: ServiceError, status: int) -> None:
        """A request was refused before the application saw it. status: HTTP's."""

    def cut(self, reason: str) -> None:
        """A connection was cut. reason: a closed word."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    cycle: BoundedCycle | None  # type: ignore[assignment]  # as it is, other than uvicorn says

    def __init__(self, *args: Any, limits: HttpLimits, observer: Observer, **options: Any) -> None:
        """args, options: uvicorn's."""
        super().__init__(*args, **options)
        self._limits = limits
        self._observer = observer
        self._outlet: Outlet = None  # type: ignore[assignment]  # until the connection is made
        # What is being received.
        self._in_head = True  # a connection begins with waiting for a head
        self._head_is_seen = False
        self._head_bytes = 0
        self._header_bytes = 0
        self._body_bytes = 0
        self._wire_bytes = 0
        self._began_s = self._last_byte_s = 0.0  # of the head or body that is being received
        # What is being answered.
        self._serving: RequestResponseCycle | None = None
        self._idle_since_s = 0.0
        self._cause: ServiceError | None = None  # why a callback ended the parsing
        self._refusal: ServiceError | None = None  # to be said once what came before is answered
        self._is_deaf = False  # nothing that comes counts any more
        self._has_ended = False  # nothing more is said
        self._checked_s = 0.0

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._outlet = Outlet(transport, self._end)
        self._began_s = self._last_byte_s = self._checked_s = self._idle_since_s = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all requests that nobody waits for their answer; uvicorn tells the last one alone."""
        for cycle in (self._serving, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; answer what cannot be parsed. What comes behind the last answer of a connection is no request."""
        if self._is_deaf or self._has_ended:
            return
        self._last_byte_s = self.loop.time()
        cycle_before, was_in_head = self.cycle, self._in_head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._is_deaf = True  # the request is served, and the last of its connection
            return
        except httptools.HttpParserError:
            self._refuse(self._cause or malformed())
            return
        if self._in_head:
            self._check_head(data, was_in_head=was_in_head)
        elif self.cycle is cycle_before and not was_in_head:
            self._check_chunks(len(data))

    # What the parser calls. An exception ends the parsing with HttpParserError.

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        super().on_message_begin()
        if self._head_is_seen:
            self._began_s = self._last_byte_s
        self._in_head = self._head_is_seen = True
        self._head_bytes = self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        super().on_url(url)
        if len(self.url) > self._limits.max_url_bytes:
            self._give_up(InvalidArgument("uri_too_long", f"address: more than {self._limits.max_url_bytes} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Those behind a chunked body would change a request that is being served already."""
        self._header_bytes += len(name) + len(value)
        if len(self.headers) >= self._limits.max_header_count or self._header_bytes > self._limits.max_header_bytes:
            self._give_up(self._headers_too_large())
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Serve the request, or queue it behind those before it."""
        self._in_head = False
        self._began_s, self._body_bytes, self._wire_bytes = self._last_byte_s, 0, 0
        http_version = self.parser.get_http_version()
        self._check_framing(http_version)
        self._check_target()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = http_version
        is_upgrade = self.parser.should_upgrade()
        self._locate()
        if is_upgrade and self._should_upgrade():
            return
        if len(self.pipeline) >= self._limits.max_pipelined:
            self._give_up(Overloaded("overloaded", f"more than {self._limits.max_pipelined} requests sent ahead of their answers"))
        cycle = self.cycle = BoundedCycle(
            scope=self.scope,
            transport=self._outlet,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=http_version != "1.0" and not is_upgrade and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
            write_bytes=self._limits.write_bytes,
            has_followers=self._has_followers,
        )
        if self._serving is None:
            self._serve(cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    # What the request cycle calls.

    def on_response_complete(self) -> None:
        """Serve what waits, then say what is to be said."""
        self.server_state.total_requests += 1
        self._serving = None
        self._idle_since_s = self.loop.time()
        if self._has_ended or self.transport.is_closing():
            return
        if self.pipeline:
            self._serve(self.pipeline.pop()[0])
        elif self._refusal is not None:
            self._say_farewell(self._refusal)
        else:
            self.flow.resume_reading()

    def _end(self) -> None:
        # A close while the client still sends would be a reset, and the client might never read its answer.
        self._has_ended = True
        if self._is_deaf or (self._serving is not None and self._serving.more_body):
            self._linger()
        else:
            self.transport.close()

    # What the server calls.

    def check(self, now_s: float) -> None:
        """End what takes too long. Called every `sweep_s`."""
        since_s, self._checked_s = now_s - self._checked_s, now_s
        if self._outlet.is_stalled(now_s, self._limits.write_stall_s):
            self._observer.cut(WRITE_STALL)
            self.transport.abort()
        elif self._is_deaf or self._has_ended or self.transport.is_closing():
            return
        elif self.flow.read_paused:  # the wait is ours, not the client's
            self._began_s += since_s
            self._last_byte_s += since_s
        elif self._in_head:
            self._check_head_time(now_s)
        elif self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            self._check_body_time(now_s)
        elif self._serving is None and now_s - self._idle_since_s >= self._limits.idle_s:
            self.transport.close()

    def _check_head_time(self, now_s: float) -> None:
        if now_s - self._began_s < self._limits.head_s:
            return
        if self._head_is_seen:
            self._refuse(InvalidArgument("request_timeout", f"headers: not there within {self._limits.head_s:g} s"))
        else:
            self.transport.close()

    def _check_body_time(self, now_s: float) -> None:
        limits = self._limits
        is_silent = now_s - self._last_byte_s >= limits.body_s
        is_slow = now_s - self._began_s >= limits.body_s + self._body_bytes / limits.least_body_bytes_per_s
        if is_silent or is_slow:
            self._refuse(InvalidArgument("request_timeout", f"body: nothing for {limits.body_s:g} s, or slower than a modem"))

    def _check_head(self, data: bytes, *, was_in_head: bool) -> None:
        if not self._head_bytes and is_ancient(data):
            self._refuse(malformed())
            return
        # What begins behind the end of a request before it is counted from the next piece on.
        self._head_bytes += len(data) if was_in_head else 1
        if self._head_bytes > self._limits.max_head_bytes:
            self._refuse(self._headers_too_large())

    def _check_chunks(self, byte_count: int) -> None:
        self._wire_bytes += byte_count
        allowed_bytes = self._limits.max_header_bytes + self._body_bytes * self._limits.max_chunk_bytes_per_byte
        if self.cycle is not None and self.cycle.more_body and self._wire_bytes > allowed_bytes:
            self._refuse(malformed())

    def _check_framing(self, http_version: str) -> None:
        """Refuse what two readers might read differently, which the parser takes."""
        host_count = 0
        for name, value in self.headers:
            if name == b"host":
                host_count += 1
            elif name == b"transfer-encoding" and (value.lower() != CHUNKED or http_version == OLD_VERSION):
                self._give_up(malformed())
        if http_version not in VERSIONS or host_count > 1 or (host_count == 0 and http_version != OLD_VERSION):
            self._give_up(malformed())

    def _check_target(self) -> None:
        """Refuse an address that two readers might place differently: it may name a host of its own, beside the header's."""
        if b"#" in self.url:
            self._give_up(malformed())
        named = AUTHORITY.match(self.url)
        host = next((value for name, value in self.headers if name == b"host"), b"")
        if named is not None and named[1].lower() != host.lower():
            self._give_up(InvalidArgument("unknown_host", "host: not the one that the address names"))

    def _locate(self) -> None:
        """Fill in where the request goes, as uvicorn does."""
        parsed = httptools.parse_url(self.url)
        path = parsed.path.decode("ascii")
        if "%" in path:
            path = urllib.parse.unquote(path)
        self.scope["path"] = self.root_path + path
        self.scope["raw_path"] = self.root_path.encode("ascii") + parsed.path
        self.scope["query_string"] = parsed.query or b""

    def _serve(self, cycle: RequestResponseCycle) -> None:
        self._serving = cycle
        self._start_asgi_task(cycle, self.app)

    def _has_followers(self) -> bool:
        return bool(self.pipeline)

    def _headers_too_large(self) -> InvalidArgument:
        limits = self._limits
        return InvalidArgument("headers_too_large", f"headers: more than {limits.max_header_count}, or {limits.max_header_bytes} bytes")

    def _give_up(self, error: ServiceError) -> NoReturn:
        """End the parsing from inside one of its callbacks."""
        self._cause = error
        raise error

    def _refuse(self, error: ServiceError) -> None:
        """Take nothing more, and answer: through the application where it has begun to read the request."""
        self._is_deaf = True
        if not self._in_head and self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            self.cycle.fail(error)
            return
        self._refusal = error
        if self._serving is None:
            self._say_farewell(error)

    def _say_farewell(self, error: ServiceError) -> None:
        rendered = render_error(error, request_id=new_id("req"))
        self._observer.refused(error, rendered.status)
        self._outlet.write(answer_bytes(rendered))
        self._end()

    def _linger(self) -> None:
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(self._limits.linger_s, self.transport.close)


def is_ancient(data: bytes) -> bool:
    """Whether a head begins with a whole line that names no version, as before HTTP/1.0; headers would never follow."""
    line, end, _ = data.lstrip(b"\r\n").partition(b"\n")
    return bool(end) and b" HTTP/" not in line


def malformed() -> InvalidArgument:
    """The refusal of what is no request."""
    return InvalidArgument("invalid_value", "the request is not well-formed HTTP/1.1")


def answer_bytes(rendered: RenderedError) -> bytes:
    """A whole answer, after which the connection closes."""
    body = dump_json(rendered.body)
    headers = {**rendered.headers, "content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[rendered.status] + lines.encode("latin-1") + b"\r\n" + body
