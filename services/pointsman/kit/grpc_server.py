"""How a service is served over gRPC: health by name, limits, deadlines, one log line a call, drain.

Handlers find their deadline in `request_context.request_deadline()` and raise ServiceError; any other
exception is a bug, logged with its traceback, and "internal" to the caller.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2_grpc
from pydantic import SecretStr

from pointsman.kit.errors import AddressInUse
from pointsman.kit.grpc_calls import CallGuard
from pointsman.kit.grpc_client import DEFAULT_MAX_MESSAGE_BYTES, MAX_METADATA_BYTES
from pointsman.kit.grpc_health import Health
from pointsman.kit.listening import bind, join_address
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.local_server import LocalServer
from pointsman.kit.logging import Logger
from pointsman.kit.telemetry import Telemetry, silent_telemetry

# What word of NOT_SERVING needs to reach every client and to take effect there.
LEAVE_S = 0.2
# After calls were told that they are cut, what their answers need to leave.
FAREWELL_S = 1.0


@dataclass(frozen=True, slots=True)
class GrpcServerLimits:
    """What one server takes."""

    max_concurrent_calls: int = 1_024
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES
    default_deadline_s: float = 5.0  # where the caller gave none
    max_deadline_s: float = 600.0
    long_lived_methods: frozenset[str] = frozenset()  # names of RPCs, such as "WatchConfig", that may last max_watch_s
    max_watch_s: float = 3_600.0
    # New replicas are found when a connection ends, so it must: measured without a failed call.
    max_connection_age_s: float = 60.0

    def deadline_s(self, method: str, asked_s: float | None) -> float:
        """Seconds that a call of the method gets, of those asked for; None: the caller gave no deadline."""
        most_s = self.max_watch_s if method in self.long_lived_methods else self.max_deadline_s
        return min(self.default_deadline_s if asked_s is None else asked_s, most_s)


@dataclass(frozen=True, slots=True)
class RunningGrpcServer:
    """A server that takes calls."""

    address: str
    health: Health
    calls: CallGuard
    local: LocalServer

    async def set_serving(self, service_name: str, *, serving: bool) -> None:
        """Say whether the service takes work; clients leave out a server that does not."""
        self.health.set_serving(service_name, serving=serving)

    @property
    def in_flight_count(self) -> int:
        """Calls being served now, health checks left out."""
        return self.calls.in_flight_count


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
    telemetry: Telemetry | None = None,
    network: LocalNetwork | None = None,
) -> AsyncIterator[RunningGrpcServer]:
    """Serve until the context is left, then let running calls finish for drain_s.

    network: where it makes itself known to callers of this process, which then need no socket.
    Each of service_names starts as NOT_SERVING. Long-lived calls are ended when the drain begins, with
    "shutting_down". Raises AddressInUse where the port is taken.
    """
    guard = CallGuard(
        deadline_s=limits.deadline_s,
        long_lived_methods=limits.long_lived_methods,
        token=service_token,
        telemetry=telemetry or silent_telemetry(service_names[0]),
        log=log,
    )
    options = server_options(limits, drain_s)
    server = grpc.aio.server(interceptors=[guard], options=options, maximum_concurrent_rpcs=limits.max_concurrent_calls)
    health = Health(service_names)
    local = LocalServer(
        guard, health, max_concurrent_calls=limits.max_concurrent_calls, max_message_bytes=limits.max_message_bytes, log=log
    )
    both = cast(grpc.aio.Server, BothServers(server, local))  # it is only registered with
    register(both)
    health_pb2_grpc.add_HealthServicer_to_server(health, both)
    address = join_address(host, add_port(server, host, port))
    await server.start()
    with (network or LocalNetwork()).knowing(address, local):
        try:
            yield RunningGrpcServer(address, health, guard, local)
        finally:
            await leave_rotation(health, min(LEAVE_S, drain_s / 10))
            guard.drain(drain_s)
            await asyncio.gather(server.stop(drain_s + FAREWELL_S), local.stop(drain_s + FAREWELL_S))


class BothServers:
    """Registers servicers with gRPC's server and with the one for callers in this process."""

    def __init__(self, server: grpc.aio.Server, local: LocalServer) -> None:
        self._servers = (server, local)

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """As gRPC's server."""
        for server in self._servers:
            server.add_generic_rpc_handlers(generic_rpc_handlers)

    def add_registered_method_handlers(self, service_name: str, method_handlers: dict[str, Any]) -> None:
        """As gRPC's server."""
        for server in self._servers:
            server.add_registered_method_handlers(service_name, method_handlers)


async def leave_rotation(health: Health, seconds: float) -> None:
    """Let clients that watch the health turn elsewhere first: gRPC cancels calls that arrive while a server stops."""
    is_watched = health.watch_count > 0
    health.end()
    if is_watched:
        await asyncio.sleep(seconds)


def add_port(server: grpc.aio.Server, host: str, port: int) -> int:
    """The port that the server now listens on. Raises AddressInUse, or Unavailable, with the reason that gRPC does not give."""
    bind(host, port).close()
    try:
        return server.add_insecure_port(join_address(host, port))
    except RuntimeError as error:
        raise AddressInUse(join_address(host, port)) from error


def server_options(limits: GrpcServerLimits, drain_s: float) -> list[tuple[str, int]]:
    """Options of every server."""
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        ("grpc.max_send_message_length", limits.max_message_bytes),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.max_connection_age_ms", int(limits.max_connection_age_s * 1e3)),
        # Long enough for every call that may be open, watches apart: those reconnect by themselves.
        ("grpc.max_connection_age_grace_ms", int(max(limits.max_deadline_s, drain_s) * 1e3)),
        ("grpc.so_reuseport", 0),
    ]
