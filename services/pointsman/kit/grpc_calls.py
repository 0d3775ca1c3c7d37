"""What happens around every call that a server takes: request id, deadline, service token, error mapping, one log line."""

import asyncio
import hmac
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError
from pydantic import SecretStr

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import (
    DeadlineExceeded,
    InvalidArgument,
    MethodNotAllowed,
    ServiceError,
    Unauthenticated,
    Unavailable,
    internal_error,
)
from pointsman.kit.grpc_client import AUTHORIZATION_KEY, REQUEST_ID_KEY
from pointsman.kit.grpc_errors import abort
from pointsman.kit.logging import Logger
from pointsman.kit.request_context import adopt_request_id, bind_request, current_request_id
from pointsman.kit.telemetry import Telemetry
from pointsman.kit.tracing import TRACEPARENT_KEY

HEALTH_PREFIX = "/grpc.health."
GENERATED_SUFFIX = "_pb2_grpc"  # of the modules that protoc generates
EVENT_RPC_FINISHED = "rpc_finished"
EVENT_RPC_CRASHED = "rpc_crashed"
CANCELLED = "cancelled"

# Any: messages of every method pass here.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
UnaryBehaviour: TypeAlias = Callable[[Any, Context], Awaitable[Any]]
StreamBehaviour: TypeAlias = Callable[[Any, Context], AsyncGenerator[Any, None]]
Deserializer: TypeAlias = Callable[[bytes], Any] | None


class CallGuard(grpc.aio.ServerInterceptor):
    """Wraps every call but those of the health service.

    deadline_s: seconds that a call of a method gets, of those that its caller asked for (None: no word).
    long_lived_methods: names of RPCs that only their caller ends; a drain does not wait for them.
    """

    def __init__(
        self,
        *,
        deadline_s: Callable[[str, float | None], float],
        long_lived_methods: frozenset[str],
        token: SecretStr | None,
        telemetry: Telemetry,
        log: Logger,
    ) -> None:
        """token: what callers must show, where there is one."""
        self._deadline_s = deadline_s
        self._long_lived_methods = long_lived_methods
        self._expected = None if token is None else f"Bearer {token.get_secret_value()}".encode()
        self._telemetry = telemetry
        self._log = log
        self._timers: dict[asyncio.Timeout, str] = {}
        self._draining = False

    @property
    def in_flight_count(self) -> int:
        """Calls being served now."""
        return len(self._timers)

    def drain(self, drain_s: float) -> None:
        """Give running calls at most drain_s more, and long-lived ones none. Those cut hear "shutting_down"."""
        self._draining = True
        now_s = asyncio.get_running_loop().time()
        for timer, method in self._timers.items():
            end_s = now_s if method in self._long_lived_methods else now_s + drain_s
            if not timer.expired():
                timer.reschedule(min(end_s, timer.when() or end_s))

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]], details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """The method's handler, wrapped. None, which gRPC answers with UNIMPLEMENTED, where there is none."""
        handler = await continuation(details)
        return None if handler is None else self.guarded(details.method, handler)

    def guarded(self, method: str, handler: "Handler") -> "Handler":
        """The handler, wrapped. method: its full path."""
        if method.startswith(HEALTH_PREFIX):
            return handler
        # gRPC would answer bytes that are no message with UNKNOWN, so they are read here.
        if handler.unary_unary is not None:
            unary = self._wrap_unary(method, cast(UnaryBehaviour, handler.unary_unary), handler.request_deserializer)
            return grpc.unary_unary_rpc_method_handler(unary, response_serializer=handler.response_serializer)
        # Streams of requests are in none of our protos; such a method would fail here, not pass unguarded.
        stream = self._wrap_stream(method, cast(StreamBehaviour, handler.unary_stream), handler.request_deserializer)
        return grpc.unary_stream_rpc_method_handler(stream, response_serializer=handler.response_serializer)

    def _wrap_unary(self, method: str, behaviour: UnaryBehaviour, deserializer: Deserializer) -> UnaryBehaviour:
        async def guarded(data: bytes, context: Context) -> Any:
            async with self._call(method, context):
                check_served(method, behaviour)
                return await behaviour(parse(data, deserializer), context)

        return guarded

    def _wrap_stream(self, method: str, behaviour: StreamBehaviour, deserializer: Deserializer) -> UnaryBehaviour:
        # A coroutine that writes, not a generator: a caller that hangs up during a write would leave
        # generators suspended, and what they hold would be let go of only by the garbage collector.
        async def guarded(data: bytes, context: Context) -> None:
            async with self._call(method, context):
                check_served(method, behaviour)
                async with aclosing(behaviour(parse(data, deserializer), context)) as messages:
                    async for message in messages:
                        await context.write(message)

        return guarded

    @asynccontextmanager
    async def _call(self, path: str, context: Context) -> AsyncIterator[None]:
        method = path.rpartition("/")[2]
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        request_id = adopt_request_id(metadata.get(REQUEST_ID_KEY, ""))
        seconds = self._deadline_s(method, context.time_remaining())
        start_s = time.monotonic()
        outcome = "ok"
        timer = asyncio.timeout(seconds)
        serving = self._telemetry.tracing.server_span(
            path.removeprefix("/"), traceparent=metadata.get(TRACEPARENT_KEY), attributes={"rpc.system": "grpc", "rpc.method": method}
        )
        with bind_request(request_id, deadline=Deadline.after(seconds, now_s=start_s)), serving as span:
            try:
                async with timer:
                    with self._counted(timer, method):
                        self._check_token(metadata)
                        yield
            except (asyncio.CancelledError, GeneratorExit):
                outcome = CANCELLED
                raise
            except Exception as error:  # noqa: BLE001  # the boundary: a bug ends one call, not the service
                failure = self._failure_of(error, path, timer, seconds)
                outcome = failure.reason
                span.fail(outcome)
                await abort(context, failure)
            finally:
                duration_s = time.monotonic() - start_s
                self._telemetry.calls.count_rpc(method, outcome, duration_s)
                self._log.info(EVENT_RPC_FINISHED, method=path, outcome=outcome, duration_s=round(duration_s, 6))

    @contextmanager
    def _counted(self, timer: asyncio.Timeout, method: str) -> Iterator[None]:
        # Inside the timer's own block, because a timer that was left can not be set any more.
        self._timers[timer] = method
        try:
            yield
        finally:
            del self._timers[timer]

    def _failure_of(self, error: Exception, path: str, timer: asyncio.Timeout, seconds: float) -> ServiceError:
        if isinstance(error, ServiceError):
            return error
        if isinstance(error, TimeoutError) and timer.expired():
            if self._draining:
                return Unavailable("shutting_down", f"{path}: this server stops")
            return DeadlineExceeded("deadline_exceeded", f"{path}: {seconds:g} s were not enough")
        self._log.error(EVENT_RPC_CRASHED, method=path, exc_info=error)
        return internal_error(current_request_id())

    def _check_token(self, metadata: dict[str, str]) -> None:
        given = metadata.get(AUTHORIZATION_KEY, "").encode()
        if self._expected is not None and not hmac.compare_digest(given, self._expected):
            raise Unauthenticated("invalid_api_key", "the service token is missing or wrong")


def is_served(behaviour: Callable[..., Any]) -> bool:
    """Whether a servicer has a method of its own; else it has the generated one, which raises what looks like a bug."""
    return not behaviour.__module__.endswith(GENERATED_SUFFIX)


def check_served(method: str, behaviour: Callable[..., Any]) -> None:
    """Raise MethodNotAllowed where the method is declared, and not served."""
    if not is_served(behaviour):
        raise MethodNotAllowed("method_not_allowed", f"{method}: declared, and not served")


def parse(data: bytes, deserializer: Deserializer) -> Any:
    """The request. Raises InvalidArgument where the bytes are no message of its type."""
    try:
        return data if deserializer is None else deserializer(data)
    except DecodeError as error:
        raise InvalidArgument("invalid_value", "request: not a message of the method's type") from error
