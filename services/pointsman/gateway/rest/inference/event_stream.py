"""Server-sent events over ASGI: kept alive in silence, ended where the client has gone or does not read."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pointsman.gateway.rest.answer_headers import asgi_headers
from pointsman.gateway.rest.inference.presence import ClientGone, while_present
from pointsman.kit.errors import DeadlineExceeded, ServiceError
from pointsman.kit.http_errors import render_error
from pointsman.kit.json_loader import dump_json
from pointsman.kit.request_context import current_request_id
from pointsman.kit.request_drain import shutdown_error

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"
# A client that reads nothing for so long has stopped reading.
WRITE_STALL_S = 10.0
# What the last word of a stream that the gateway's own end cuts short needs to leave.
LAST_WORD_S = 1.0
STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no"}
OK = 200


class EventWriter:
    """Writes one stream. Nothing is sent before `open`, so that an error can still have its own status."""

    def __init__(self, send: Send, *, silence_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        """silence_s: after so long a keep-alive is sent."""
        self._send = send
        self._silence_s = silence_s
        self._now_s = now_s
        self._sent_s = 0.0
        self._is_stalled = False
        self._is_closed = False
        self._keep_alive: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """True once the headers are out."""
        return self._keep_alive is not None

    @property
    def may_speak(self) -> bool:
        """True while events can be sent."""
        return self.is_open and not (self._is_closed or self._is_stalled)

    async def open(self, headers: Mapping[str, str]) -> None:
        """Send the headers."""
        raw = asgi_headers({**STREAM_HEADERS, **headers})
        await self._send({"type": "http.response.start", "status": OK, "headers": raw})
        self._sent_s = self._now_s()
        self._keep_alive = asyncio.create_task(self._send_keep_alives())

    async def write(self, events: bytes) -> None:
        """Send whole events. Raises DeadlineExceeded where the client does not read."""
        self._sent_s = self._now_s()
        await self._send_body(events, more_body=True)

    async def close(self, last_events: bytes = b"") -> None:
        """End the stream, with some last events; where the client has stopped reading, without."""
        await self.stop()
        self._is_closed = True
        if not self._is_stalled:
            await self._send_body(last_events, more_body=False)

    async def stop(self) -> None:
        """Stop keeping alive."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            await asyncio.gather(self._keep_alive, return_exceptions=True)

    async def _send_body(self, events: bytes, *, more_body: bool) -> None:
        try:
            async with asyncio.timeout(WRITE_STALL_S):
                await self._send({"type": "http.response.body", "body": events, "more_body": more_body})
        except TimeoutError as error:
            self._is_stalled = True
            raise DeadlineExceeded("deadline_exceeded", "the client does not read") from error

    async def _send_keep_alives(self) -> None:
        """One after each silence. It can only fall between two writes: both send whole events."""
        while True:
            await asyncio.sleep(self._sent_s + self._silence_s - self._now_s())
            if self._now_s() - self._sent_s >= self._silence_s:
                await self.write(KEEP_ALIVE)


def data_event(value: object) -> bytes:
    """A nameless event."""
    return b"data: " + dump_json(value) + b"\n\n"


def named_event(name: str, value: object) -> bytes:
    """An event with a name."""
    return b"event: " + name.encode() + b"\n" + data_event(value)


def error_body(error: ServiceError) -> dict[str, dict[str, str | None]]:
    """The error as every answer shows it."""
    return render_error(error, request_id=current_request_id()).body


def error_event(error: ServiceError) -> bytes:
    """The error in a stream of nameless events."""
    return data_event(error_body(error))


def named_error_event(error: ServiceError) -> bytes:
    """The error in a stream of events with names."""
    return named_event("error", error_body(error))


class EventStream(Response):
    """A response whose events `produce` writes; an error before the first becomes an answer of its own."""

    def __init__(
        self,
        produce: Callable[[EventWriter], Awaitable[None]],
        *,
        silence_s: float,
        error_event: Callable[[ServiceError], bytes] = error_event,
    ) -> None:
        """produce: opens the writer, writes, and closes it; it raises ServiceError only where it has not opened it.

        error_event: how an error is told in this stream, where the gateway's own end cuts it short.
        """
        super().__init__()
        self._produce = produce
        self._silence_s = silence_s
        self._error_event = error_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Run it, for as long as the client stays."""
        writer = EventWriter(send, silence_s=self._silence_s)
        try:
            await while_present(receive, self._run(writer))
        except ClientGone:
            if not writer.is_open:
                raise

    async def _run(self, writer: EventWriter) -> None:
        try:
            await self._produce(writer)
        except asyncio.CancelledError:
            await self._say_why(writer)
            raise
        finally:
            await writer.stop()

    async def _say_why(self, writer: EventWriter) -> None:
        # A stream that just stopped would look as if the answer were whole to those who do not wait for [DONE].
        error = shutdown_error()
        if error is not None and writer.may_speak:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD_S):
                    await writer.close(self._error_event(error))
