"""A provider that answers at once, always the same: what the product adds is then all that is measured.

`python -m loadtest.zero_provider` prints its port and serves until it is killed.
"""

import asyncio
import json
from typing import cast

import uvloop

from loadtest.wire import END_OF_HEADERS, content_length

TOKENS = [f"word{number} " for number in range(20)]
USAGE = {"prompt_tokens": 20, "completion_tokens": len(TOKENS), "total_tokens": 20 + len(TOKENS)}
COMMON = {"id": "chatcmpl-bench", "created": 1_780_000_000, "model": "zero"}


def with_length(body: bytes) -> bytes:
    """A whole answer."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def whole_answer() -> bytes:
    """A chat completion."""
    message = {"role": "assistant", "content": "".join(TOKENS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return with_length(json.dumps({**COMMON, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode())


def streamed_answer() -> bytes:
    """The same as server-sent events."""

    def event(choices: list[dict[str, object]], **more: object) -> bytes:
        return b"data: " + json.dumps({**COMMON, "object": "chat.completion.chunk", "choices": choices, **more}).encode() + b"\n\n"

    events = [event([{"index": 0, "delta": {"role": "assistant", "content": token}, "finish_reason": None}]) for token in TOKENS]
    events += [event([{"index": 0, "delta": {}, "finish_reason": "stop"}]), event([], usage=USAGE), b"data: [DONE]\n\n"]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in events)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


WHOLE, STREAMED = whole_answer(), streamed_answer()
LISTING = with_length(json.dumps({"object": "list", "data": [{"id": "zero", "object": "model"}]}).encode())


class ZeroProvider(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._data += data
        while (end := self._data.find(END_OF_HEADERS)) >= 0:
            size = end + 4 + (content_length(bytes(self._data[:end])) or 0)
            if len(self._data) < size:
                return
            request = bytes(self._data[:size])
            del self._data[:size]
            is_streamed = b'"stream":true' in request or b'"stream": true' in request
            self._transport.write(LISTING if request.startswith(b"GET") else STREAMED if is_streamed else WHOLE)


async def serve() -> None:
    """Serve on a free port of loopback, which is printed."""
    server = await asyncio.get_running_loop().create_server(ZeroProvider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
