"""How a service is served over gRPC: health by name, limits, deadlines, one log line a call, drain.

Handlers find their deadline in `request_context.request_deadline()` and raise ServiceError; any other
exception is a bug, logged with its traceback, and "internal" to the caller.
"""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from pydantic import SecretStr

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import AddressInUse, DeadlineExceeded, ServiceError, Unauthenticated, internal_error
from pointsman.kit.grpc_client import AUTHORIZATION_KEY, DEFAULT_MAX_MESSAGE_BYTES, REQUEST_ID_KEY
from pointsman.kit.grpc_errors import status_of
from pointsman.kit.ids import new_id
from pointsman.kit.logging import Logger
from pointsman.kit.request_context import bind_request

HEALTH_PREFIX = "/grpc.health."
MAX_REQUEST_ID_LENGTH = 128
EVENT_RPC_FINISHED = "rpc_finished"

# Any: messages of every method pass here.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Behaviour: TypeAlias = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class GrpcServerLimits:
    """What one server takes."""

    max_concurrent_calls: int = 1_024
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES
    default_deadline_s: float = 5.0  # where the caller gave none
    max_deadline_s: float = 600.0
    long_lived_methods: frozenset[str] = frozenset()  # names of RPCs that may last max_watch_s
    max_watch_s: float = 3_600.0
    # New replicas are found when a connection ends, so it must: measured without a failed call.
    max_connection_age_s: float = 60.0
    max_metadata_bytes: int = 16 << 10

    def deadline_s(self, method: str, asked_s: float | None) -> float:
        """Seconds that a call of the method gets, of those asked for."""
        most_s = self.max_watch_s if method.rpartition("/")[2] in self.long_lived_methods else self.max_deadline_s
        # A client without a deadline shows as one centuries away.
        return self.default_deadline_s if asked_s is None or asked_s > 10 * self.max_watch_s else min(asked_s, most_s)


@dataclass(slots=True)
class RunningGrpcServer:
    """A server that takes calls."""

    address: str
    health: health.aio.HealthServicer
    calls: "CallGuard"

    async def set_serving(self, service_name: str, *, serving: bool) -> None:
        """Say whether the service takes work; clients leave out a server that does not."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self.health.set(service_name, status)

    @property
    def in_flight_count(self) -> int:
        """Calls being served now, health checks left out."""
        return self.calls.in_flight_count


class CallGuard(grpc.aio.ServerInterceptor):
    """Wraps every call: request id, deadline, service token, error mapping, one log line."""

    def __init__(self, limits: GrpcServerLimits, token: SecretStr | None, log: Logger) -> None:
        """Take the server's limits and the token that callers must show, where there is one."""
        self.in_flight_count = 0
        self._limits = limits
        self._token = token
        self._log = log

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]], details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """The method's handler, wrapped."""
        handler = await continuation(details)
        method = details.method
        if handler is None or method.startswith(HEALTH_PREFIX):
            return handler
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._wrap_unary(method, handler.unary_unary), handler.request_deserializer, handler.response_serializer
            )
        return grpc.unary_stream_rpc_method_handler(
            self._wrap_stream(method, cast(Behaviour, handler.unary_stream)), handler.request_deserializer, handler.response_serializer
        )

    def _wrap_unary(self, method: str, behaviour: Behaviour) -> Behaviour:
        async def guarded(request: Any, context: Context) -> Any:
            async with self._call(method, context):
                return await behaviour(request, context)

        return guarded

    def _wrap_stream(self, method: str, behaviour: Behaviour) -> Behaviour:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self._call(method, context):
                async for message in behaviour(request, context):
                    yield message

        return guarded

    @asynccontextmanager
    async def _call(self, method: str, context: Context) -> AsyncIterator[None]:
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        given_id = metadata.get(REQUEST_ID_KEY, "")
        request_id = given_id if 0 < len(given_id) <= MAX_REQUEST_ID_LENGTH and given_id.isprintable() else new_id("req")
        seconds = self._limits.deadline_s(method, context.time_remaining())
        start_s = time.monotonic()
        outcome = "ok"
        self.in_flight_count += 1
        with bind_request(request_id, deadline=Deadline.after(seconds, now_s=start_s)):
            try:
                async with asyncio.timeout(seconds):
                    self._check_token(metadata)
                    yield
            except ServiceError as error:
                outcome = error.reason
                await abort(context, error)
            except TimeoutError:
                outcome = "deadline_exceeded"
                await abort(context, DeadlineExceeded("deadline_exceeded", f"{method}: {seconds:g} s were not enough"))
            except (asyncio.CancelledError, GeneratorExit):
                outcome = "cancelled"
                raise
            except Exception:  # noqa: BLE001  # the boundary: a bug ends one call, not the service
                outcome = "internal"
                self._log.exception("rpc_crashed", method=method)
                await abort(context, internal_error(request_id))
            finally:
                self.in_flight_count -= 1
                self._log.info(EVENT_RPC_FINISHED, method=method, outcome=outcome, duration_s=round(time.monotonic() - start_s, 6))

    def _check_token(self, metadata: dict[str, str]) -> None:
        if self._token is None:
            return
        expected = f"Bearer {self._token.get_secret_value()}".encode()
        if not hmac.compare_digest(metadata.get(AUTHORIZATION_KEY, "").encode(), expected):
            raise Unauthenticated("invalid_api_key", "the service token is missing or wrong")


async def abort(context: Context, error: ServiceError) -> NoReturn:
    """End the call with the failure's status."""
    code, message, metadata = status_of(error)
    await context.abort(code, message, metadata)


def server_options(limits: GrpcServerLimits, drain_s: float) -> list[tuple[str, int]]:
    """Options of every server."""
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        ("grpc.max_send_message_length", limits.max_message_bytes),
        ("grpc.max_metadata_size", limits.max_metadata_bytes),
        ("grpc.max_connection_age_ms", int(limits.max_connection_age_s * 1e3)),
        # Long enough for every call that may be open.
        ("grpc.max_connection_age_grace_ms", int(max(limits.max_deadline_s, drain_s) * 1e3)),
        ("grpc.so_reuseport", 0),
    ]


@asynccontextmanager
async def serve_grpc(
    *,
    host: str,
    port: int,
    service_names: Sequence[str],
    register: Callable[[grpc.aio.Server], None],
    log: Logger,
    limits: GrpcServerLimits = GrpcServerLimits(),
    service_token: SecretStr | None = None,
    drain_s: float = 30.0,
) -> AsyncIterator[RunningGrpcServer]:
    """Serve until the context is left, then let running calls finish for drain_s.

    Each of service_names starts as NOT_SERVING. Raises AddressInUse where the port is taken.
    """
    guard = CallGuard(limits, service_token, log)
    server = grpc.aio.server(
        interceptors=[guard], options=server_options(limits, drain_s), maximum_concurrent_rpcs=limits.max_concurrent_calls
    )
    register(server)
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    try:
        bound_port = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise AddressInUse(f"{host}:{port}") from error
    running = RunningGrpcServer(f"{host}:{bound_port}", health_servicer, guard)
    for name in service_names:
        await running.set_serving(name, serving=False)
    await server.start()
    try:
        yield running
    finally:
        await health_servicer.enter_graceful_shutdown()
        await server.stop(drain_s)
