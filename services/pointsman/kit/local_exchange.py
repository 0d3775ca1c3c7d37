"""One call between two services in one process: the messages on their way, and how it ended."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from pointsman.kit.grpc_errors import CALLER_LEFT, OK, TIME_RAN_OUT

# A stream's handler waits where its reader has left so much unread; over a wire gRPC's window does that.
MAX_UNREAD_BYTES = 256 << 10

TrailingMetadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class CallStatus:
    """How a call ended, in gRPC's words."""

    code: grpc.StatusCode
    details: str = ""
    trailing_metadata: TrailingMetadata = ()

    @property
    def is_well(self) -> bool:
        """Whether the call did what it was made for."""
        return self.code is OK

    def error(self) -> grpc.aio.AioRpcError:
        """As the caller meets it."""
        trailing = grpc.aio.Metadata(*self.trailing_metadata)
        return grpc.aio.AioRpcError(self.code, grpc.aio.Metadata(), trailing, details=self.details)


class Exchange:
    """Serialised messages go one way, the end of the call either way."""

    def __init__(self) -> None:
        self.status: CallStatus | None = None
        self.is_cancelled = False  # by the caller
        self._messages: deque[bytes] = deque()
        self._unread_bytes = 0
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._cancel_handler: Callable[[], object] | None = None
        self._expiry: asyncio.TimerHandle | None = None

    # The caller's end.

    async def read(self) -> bytes | None:
        """The next message; None where the call has ended and `status` says how."""
        while not self._messages and self.status is None:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        if not self._messages:
            return None
        data = self._messages.popleft()
        self._unread_bytes -= len(data)
        wake(self._writer)
        return data

    def cancel(self) -> bool:
        """Leave the call; its handler is cancelled. False where it had ended before."""
        self.is_cancelled = self.status is None
        return self._abandon(CallStatus(CALLER_LEFT, "Locally cancelled by application!"))

    def expire_in(self, seconds: float) -> None:
        """Leave the call after so long, however long its handler takes to end."""
        late = CallStatus(TIME_RAN_OUT, "Deadline Exceeded")
        self._expiry = asyncio.get_running_loop().call_later(seconds, self._abandon, late)

    # The handler's end.

    def begin(self, cancel_handler: Callable[[], object]) -> None:
        """Name what ends the handler where the caller leaves."""
        self._cancel_handler = cancel_handler

    async def write(self, data: bytes) -> None:
        """Send a message, once there is room. Once the call has ended nobody reads any."""
        while self._unread_bytes >= MAX_UNREAD_BYTES and self.status is None:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        if self.status is not None:
            await asyncio.sleep(0)  # who writes without end must meet its cancellation somewhere
            return
        self._messages.append(data)
        self._unread_bytes += len(data)
        wake(self._reader)

    def end(self, status: CallStatus) -> None:
        """Say how the call ended; the first word holds."""
        if self.status is None:
            self.status = status
            if self._expiry is not None:
                self._expiry.cancel()
            wake(self._reader)
            wake(self._writer)

    def _abandon(self, status: CallStatus) -> bool:
        if self.status is not None:
            return False
        self.end(status)
        self._messages.clear()
        if self._cancel_handler is not None:
            self._cancel_handler()
        return True


def wake(waiting: "asyncio.Future[None] | None") -> None:
    """Let go on whoever waits, if anybody does."""
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


ENDED_WELL = CallStatus(OK)
