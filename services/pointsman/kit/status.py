"""What every service tells of itself."""

import os
import time
from collections.abc import Sequence

import psutil

from pointsman.api.status.v1.status_pb2 import AppliedConfig, ServiceStatus


class StatusReporter:
    """Reports on this process in the name of one service. version: the program's; start is when it is made."""

    def __init__(self, service: str, *, instance_id: str, version: str) -> None:
        self._service = service
        self._instance_id = instance_id
        self._version = version
        self._start_ns = time.time_ns()
        self._process = psutil.Process(os.getpid())

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
        )
        status.start_time.FromNanoseconds(self._start_ns)
        status.cpu_time.FromNanoseconds(round((cpu.user + cpu.system) * 1e9))
        return status
