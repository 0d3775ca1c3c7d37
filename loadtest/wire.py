"""HTTP/1.1 as thin as it gets, so that generator and provider cost little beside what is measured.

Both ends speak what the product and these two speak: bodies with a length or in chunks, kept-alive connections,
one request at a time on each. It is no client or server for anything else.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import cast

END_OF_HEADERS = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def content_length(headers: bytes) -> int | None:
    """The body's declared length; None where it comes in chunks."""
    lower = headers.lower()
    start = lower.find(b"content-length:")
    return None if start < 0 else int(lower[start + 15 :].split(b"\r\n", 1)[0])


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Times are of time.perf_counter, seconds."""

    status: int
    headers: bytes
    body: bytes
    first_body_s: float
    end_s: float


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._body_start = -1
        self._length: int | None = None
        self._first_body_s = 0.0
        self._waiting: asyncio.Future[Reply] | None = None

    @classmethod
    async def open(cls, address: str) -> "Connection":
        """Connect to "host:port"."""
        host, _, port = address.rpartition(":")
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, int(port))
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    async def request(self, head: bytes, body: bytes) -> Reply:
        """Send and wait for the whole answer. Raises ConnectionError where the peer closes."""
        self._data.clear()
        self._body_start = -1
        self._first_body_s = 0.0
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        """Collect; tell the waiting request when its answer is whole."""
        self._data += data
        if self._body_start < 0:
            end = self._data.find(END_OF_HEADERS)
            if end < 0:
                return
            self._body_start = end + 4
            self._length = content_length(bytes(self._data[:end]))
        if len(self._data) > self._body_start and not self._first_body_s:
            self._first_body_s = time.perf_counter()
        length = self._length
        is_whole = self._data.endswith(LAST_CHUNK) if length is None else len(self._data) >= self._body_start + length
        if is_whole and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._reply())

    def _reply(self) -> Reply:
        headers = bytes(self._data[: self._body_start])
        body = bytes(self._data[self._body_start :])
        return Reply(int(headers[9:12]), headers, body, self._first_body_s, time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("closed by the peer"))

    @property
    def is_closed(self) -> bool:
        """True once either end has hung up."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


class Line:
    """A connection that is opened when it is first used, and again where the peer closed it for being idle."""

    def __init__(self, address: str) -> None:
        """address: "host:port"."""
        self._address = address
        self._connection: Connection | None = None

    async def request(self, head: bytes, body: bytes) -> Reply:
        """As Connection's."""
        if self._connection is None or self._connection.is_closed:
            self._connection = await Connection.open(self._address)
        return await self._connection.request(head, body)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()


def request_head(method: str, path: str, address: str) -> bytes:
    """The request line and what every request carries, without the length."""
    return f"{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json".encode()
