"""A channel to a LocalServer, for the stubs that are used over a wire: same calls, same errors, same cancellation."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from typing import Any, NoReturn, Self
from weakref import WeakSet

import grpc

from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import BACKOFF_MULTIPLIER, INITIAL_BACKOFF_S, MAX_ATTEMPTS, MAX_RETRY_TOKENS, RETRY_TOKEN_RATIO, Metadata
from pointsman.kit.grpc_errors import NOT_SERVING, RETRYABLE_STATUS_NAMES, TOO_MUCH
from pointsman.kit.local_exchange import CallStatus, Exchange
from pointsman.kit.local_server import LocalServer

Serializer = Callable[[Any], bytes] | None
Deserializer = Callable[[bytes], Any] | None
Begin = Callable[[float | None], Exchange]
"""Starts a call, given the seconds that it may take."""


class RetryThrottle:
    """Stops repeating where much fails, as gRPC does (its proposal A6): a failure costs a token, an answer earns a part of one."""

    def __init__(self) -> None:
        self._tokens = float(MAX_RETRY_TOKENS)

    def note_answer(self) -> None:
        """Earn."""
        self._tokens = min(float(MAX_RETRY_TOKENS), self._tokens + RETRY_TOKEN_RATIO)

    def note_failure(self) -> bool:
        """Pay; whether the call may be repeated."""
        self._tokens = max(0.0, self._tokens - 1)
        return self._tokens > MAX_RETRY_TOKENS / 2


class UnaryCall:
    """A call with one answer: awaited, or left."""

    def __init__(self, begin: Begin, timeout_s: float | None, parse: Deserializer, retries: RetryThrottle | None) -> None:
        """retries: None where the call must not be repeated."""
        self._begin = begin
        self._deadline = None if timeout_s is None else Deadline.after(timeout_s)
        self._parse = parse
        self._retries = retries
        self._exchange = begin(timeout_s)

    def cancel(self) -> bool:
        """Leave the call."""
        return self._exchange.cancel()

    def done(self) -> bool:
        """Whether it has ended."""
        return self._exchange.status is not None

    def __await__(self) -> Generator[Any, None, Any]:
        """The answer. Raises AioRpcError."""
        return self._answer().__await__()

    async def _answer(self) -> Any:
        attempt_count, backoff_s = 1, INITIAL_BACKOFF_S
        while (data := await read(self._exchange)) is None:
            if not self._may_repeat(attempt_count, backoff_s):
                fail(self._exchange)
            await asyncio.sleep(random.uniform(0.8, 1.2) * backoff_s)  # noqa: S311  # jitter
            attempt_count, backoff_s = attempt_count + 1, backoff_s * BACKOFF_MULTIPLIER
            self._exchange = self._begin(None if self._deadline is None else self._deadline.remaining_s())
        if self._retries is not None:
            self._retries.note_answer()
        return data if self._parse is None else self._parse(data)

    def _may_repeat(self, attempt_count: int, backoff_s: float) -> bool:
        status = self._exchange.status
        if self._retries is None or self._exchange.is_cancelled or status is None or status.code.name not in RETRYABLE_STATUS_NAMES:
            return False
        has_time = self._deadline is None or self._deadline.remaining_s() > 2 * backoff_s
        return self._retries.note_failure() and attempt_count < MAX_ATTEMPTS and has_time


class StreamCall:
    """A call with a stream of answers: iterated or read, or left."""

    def __init__(self, exchange: Exchange, parse: Deserializer) -> None:
        self._exchange = exchange
        self._parse = parse

    def cancel(self) -> bool:
        """Leave the call."""
        return self._exchange.cancel()

    def done(self) -> bool:
        """Whether it has ended, messages that were not read aside."""
        return self._exchange.status is not None

    async def read(self) -> Any:
        """The next message; EOF at the end. Raises AioRpcError."""
        data = await read(self._exchange)
        if data is None:
            fail(self._exchange)
            return grpc.aio.EOF
        return data if self._parse is None else self._parse(data)

    def __aiter__(self) -> AsyncIterator[Any]:
        """All messages. No generator: one that is left would be ended by a task of its own."""
        return self

    async def __anext__(self) -> Any:
        """The next message. Raises AioRpcError."""
        message = await self.read()
        if message is grpc.aio.EOF:
            raise StopAsyncIteration
        return message


async def read(exchange: Exchange) -> bytes | None:
    """The next message. A caller that is cancelled leaves the call."""
    try:
        return await exchange.read()
    except asyncio.CancelledError:
        exchange.cancel()
        raise


def fail(exchange: Exchange) -> None:
    """Raise how the call ended, where it did not end well."""
    if exchange.is_cancelled:
        raise asyncio.CancelledError
    if exchange.status is not None and not exchange.status.is_well:
        raise exchange.status.error()


class LocalChannel(grpc.aio.Channel):
    """As gRPC's, from one caller to one server."""

    def __init__(
        self, server: LocalServer, *, service: str | None = None, retryable_methods: Sequence[str] = (), max_message_bytes: int
    ) -> None:
        """service: whose health is asked for before each call; None: it is not asked for."""
        self._server = server
        self._service = service
        self._retryable_paths = {f"/{service}/{method}" for method in retryable_methods}
        self._throttle = RetryThrottle()
        self._max_message_bytes = max_message_bytes
        self._exchanges: WeakSet[Exchange] = WeakSet()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Enter; leaving closes the channel."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def close(self, grace: float | None = None) -> None:  # noqa: ARG002  # as gRPC's
        """Leave all calls."""
        self._is_closed = True
        for exchange in list(self._exchanges):
            exchange.cancel()

    def unary_unary(  # type: ignore[override]  # without what no stub of ours uses
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = None,  # noqa: FBT001  # as gRPC's
    ) -> Callable[..., UnaryCall]:
        """A method with one answer."""
        retries = self._throttle if method in self._retryable_paths else None

        def call(request: Any, *, timeout: float | None = None, metadata: Metadata = ()) -> UnaryCall:
            data = request if request_serializer is None else request_serializer(request)
            return UnaryCall(lambda seconds: self._start(method, data, seconds, metadata), timeout, response_deserializer, retries)

        return call

    def unary_stream(  # type: ignore[override]  # as above
        self,
        method: str,
        request_serializer: Serializer = None,
        response_deserializer: Deserializer = None,
        _registered_method: bool | None = None,  # noqa: FBT001  # as gRPC's
    ) -> Callable[..., StreamCall]:
        """A method with a stream of answers."""

        def call(request: Any, *, timeout: float | None = None, metadata: Metadata = ()) -> StreamCall:
            data = request if request_serializer is None else request_serializer(request)
            return StreamCall(self._start(method, data, timeout, metadata), response_deserializer)

        return call

    def stream_unary(self, *_: object, **__: object) -> NoReturn:
        """Not there: none of our protos has it."""
        raise NotImplementedError

    def stream_stream(self, *_: object, **__: object) -> NoReturn:
        """Not there: none of our protos has it."""
        raise NotImplementedError

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002, FBT001, FBT002  # as gRPC's
        """Whether calls are taken."""
        return grpc.ChannelConnectivity.SHUTDOWN if self._is_closed else grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> NoReturn:
        """Not there: nothing connects."""
        raise NotImplementedError

    async def channel_ready(self) -> None:
        """It is."""

    def _start(self, path: str, data: bytes, timeout_s: float | None, metadata: Metadata) -> Exchange:
        most_bytes = min(self._max_message_bytes, self._server.max_message_bytes)
        if self._is_closed or (self._service is not None and not self._server.health.is_serving(self._service)):
            return refused(CallStatus(NOT_SERVING, f"{self._service}: takes no calls"))
        if len(data) > self._max_message_bytes:
            return refused(CallStatus(TOO_MUCH, f"a message of {len(data)} bytes, more than {self._max_message_bytes}"))
        exchange = self._server.start(path, data, metadata=metadata, timeout_s=timeout_s, max_answer_bytes=most_bytes)
        self._exchanges.add(exchange)
        return exchange


def refused(status: CallStatus) -> Exchange:
    """A call that was not made."""
    exchange = Exchange()
    exchange.end(status)
    return exchange
