"""The standard health service, `grpc.health.v1`: who takes work, by full proto name of the service.

The empty name stands for all of them. Clients with health watching send no call to a server that
says NOT_SERVING. grpcio's own servicer bounds no watches, ends none at a shutdown, and answers
SERVING for the empty name whatever the services say.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from grpc_health.v1 import health_pb2, health_pb2_grpc

from pointsman.kit.errors import NotFound, Overloaded
from pointsman.kit.grpc_errors import abort

if TYPE_CHECKING:
    import grpc

    Context = grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]

# Each channel of a peer holds one; far more than a cluster has peers.
MAX_WATCHES = 256
EVERY_SERVICE = ""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health(health_pb2_grpc.HealthServicer):
    """The servicer, and what it tells. All services start as NOT_SERVING."""

    def __init__(self, service_names: Sequence[str]) -> None:
        """service_names: full proto names."""
        self._serving = dict.fromkeys(service_names, False)
        self._changed = asyncio.Event()
        self._ended = False
        self.watch_count = 0

    def set_serving(self, service_name: str, *, serving: bool) -> None:
        """Say whether the service takes work."""
        self._serving[service_name] = serving
        self._notify()

    def is_serving(self, service_name: str) -> bool:
        """Whether the service takes work."""
        return self._status(service_name) == _SERVING

    def end(self) -> None:
        """Say for good that nothing takes work any more, and end all watches."""
        self._ended = True
        self._notify()

    async def Check(self, request: health_pb2.HealthCheckRequest, context: "Context") -> health_pb2.HealthCheckResponse:  # noqa: N802  # gRPC's name
        """The state now. NOT_FOUND for a name that is not served here."""
        status = self._status(request.service)
        if status is None:
            await abort(context, NotFound("not_found", "no such service is served here"))
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: "Context") -> None:  # noqa: N802  # gRPC's name
        """The state now, then each change. SERVICE_UNKNOWN for a name that is not served here, as the protocol has it."""
        if self.watch_count >= MAX_WATCHES:
            await abort(context, Overloaded("overloaded", f"more than {MAX_WATCHES} health watches"))
        self.watch_count += 1
        try:
            await self._tell_changes(request.service, context)
        finally:
            self.watch_count -= 1

    async def _tell_changes(self, service_name: str, context: "Context") -> None:
        told: int | None = None
        while True:
            changed = self._changed
            status = self._status(service_name)
            if status is None:
                status = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                told = status
            if self._ended:
                return
            await changed.wait()

    def _status(self, service_name: str) -> int | None:
        if service_name == EVERY_SERVICE:
            serving = all(self._serving.values())
        elif service_name in self._serving:
            serving = self._serving[service_name]
        else:
            return None
        return _SERVING if serving and not self._ended else _NOT_SERVING

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
