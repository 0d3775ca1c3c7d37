"""The way out of an HTTP connection: knows whether its client still takes anything."""

import asyncio
from collections.abc import Callable


class Outlet(asyncio.Transport):
    """What uvicorn's request cycle writes to. Only what it calls is here."""

    def __init__(self, transport: asyncio.Transport, end: Callable[[], None]) -> None:
        """end: called in place of the transport's close."""
        super().__init__()
        self._transport = transport
        self._end = end
        self._written_bytes = 0
        self._taken_bytes = 0
        self._moved_s = 0.0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or keep until the client takes it."""
        self._written_bytes += len(data)
        self._transport.write(data)

    def close(self) -> None:
        """Close the connection once all is sent."""
        self._end()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport.is_closing()

    def is_stalled(self, now_s: float, limit_s: float) -> bool:
        """Whether the client has taken nothing for so long of what there is for it. Asked now and then."""
        unsent_bytes = self._transport.get_write_buffer_size()
        taken_bytes = self._written_bytes - unsent_bytes
        if not unsent_bytes or taken_bytes != self._taken_bytes:
            self._taken_bytes, self._moved_s = taken_bytes, now_s
        return now_s - self._moved_s >= limit_s
