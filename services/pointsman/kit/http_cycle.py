"""One request and its answer on a connection, over uvicorn's."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPResponseBodyEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from pointsman.kit.errors import ServiceError


class BoundedCycle(RequestResponseCycle):
    """uvicorn's, whose receipt can fail, and whose answer leaves piece by piece."""

    def __init__(self, *, write_bytes: int, has_followers: Callable[[], bool], **options: Any) -> None:
        """write_bytes: of a piece. has_followers: whether requests wait behind this one. options: uvicorn's."""
        super().__init__(**options)
        self._write_bytes = write_bytes
        self._has_followers = has_followers
        self._failure: ServiceError | None = None

    def fail(self, error: ServiceError) -> None:
        """Have the application hear, when it reads on, that the rest of the body does not come."""
        self._failure = error
        self.keep_alive = False
        self.message_event.set()

    async def receive(self) -> ASGIReceiveEvent:
        """As ASGI's. Raises ServiceError where the body cannot be received."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not (self.disconnected or self.response_complete or self._failure):
            if not self._has_followers():  # else more of them would be taken in
                self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self._failure is not None and not self.response_started:
            raise self._failure
        if self.disconnected or self.response_complete or self._failure:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: ASGISendEvent) -> None:
        """As ASGI's; waits where the client is slow to take what was sent."""
        if self.disconnected:
            await asyncio.sleep(0)  # who sends without end, and never waits for anything else, must meet the cancellation somewhere
            return
        if self.more_body and not self.response_started:
            self.keep_alive = False  # what is left of the body would be taken for the next request
        body: bytes = message.get("body", b"")  # type: ignore[assignment]  # of another message it is not there
        if len(body) <= self._write_bytes:
            await super().send(message)
            return
        more_body, pieces = bool(message.get("more_body", False)), memoryview(body)
        for start in range(0, len(body), self._write_bytes):
            piece = pieces[start : start + self._write_bytes]
            is_last = start + self._write_bytes >= len(body)
            part: HTTPResponseBodyEvent = {"type": "http.response.body", "body": piece, "more_body": more_body or not is_last}  # type: ignore[typeddict-item]  # bytes, not copied
            await super().send(part)
