"""What every service tells of itself."""

import math
import os
import time
from collections.abc import Callable, Sequence

import psutil

from pointsman.api.status.v1.status_pb2 import AppliedConfig, ServiceStatus
from pointsman.kit.open_connections import open_connection_count

# Counting takes milliseconds where there are a thousand, and whoever watches a service asks about once a second.
COUNT_HOLDS_S = 1.0


class StatusReporter:
    """Reports on this process in the name of one service. version: the program's; start is when it is made."""

    def __init__(
        self,
        service: str,
        *,
        instance_id: str,
        version: str,
        count_connections: Callable[[], int] = open_connection_count,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._instance_id = instance_id
        self._version = version
        self._start_ns = time.time_ns()
        self._process = psutil.Process(os.getpid())
        self._count_connections = count_connections
        self._now_s = now_s
        self._connection_count = 0
        self._counted_s = -math.inf

    def report(self, *, in_flight_count: int, applied: Sequence[AppliedConfig] = (), degraded: Sequence[str] = ()) -> ServiceStatus:
        """The state at this moment."""
        with self._process.oneshot():
            cpu = self._process.cpu_times()
            resident_bytes = self._process.memory_info().rss
        status = ServiceStatus(
            service=self._service,
            version=self._version,
            instance_id=self._instance_id,
            resident_memory_bytes=resident_bytes,
            in_flight_count=in_flight_count,
            applied_configs=applied,
            degraded=degraded,
            open_connection_count=self._open_connection_count(),
        )
        status.start_time.FromNanoseconds(self._start_ns)
        status.cpu_time.FromNanoseconds(round((cpu.user + cpu.system) * 1e9))
        return status

    def _open_connection_count(self) -> int:
        if self._now_s() - self._counted_s >= COUNT_HOLDS_S:
            self._connection_count, self._counted_s = self._count_connections(), self._now_s()
        return self._connection_count
