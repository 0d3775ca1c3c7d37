import os

import psutil

from pointsman.api.config.v1.config_pb2 import ConfigKind
from pointsman.api.status.v1.status_pb2 import AppliedConfig
from pointsman.kit.status import StatusReporter


def test_a_report_tells_of_this_process() -> None:
    reporter = StatusReporter("gateway", instance_id="gateway_1", version="1.2.3")
    applied = [AppliedConfig(kind=ConfigKind.CONFIG_KIND_CATALOG, from_disk=True)]
    status = reporter.report(in_flight_count=3, applied=applied, degraded=["classifier"])
    assert (status.service, status.instance_id, status.version, status.in_flight_count) == ("gateway", "gateway_1", "1.2.3", 3)
    assert list(status.applied_configs) == applied
    assert list(status.degraded) == ["classifier"]
    assert abs(status.resident_memory_bytes - psutil.Process(os.getpid()).memory_info().rss) < 100 << 20
    assert status.start_time.seconds > 1_700_000_000
    assert status.cpu_time.ToNanoseconds() > 0


def test_connections_are_counted_once_a_second_however_often_one_asks() -> None:
    counts, now_s = iter([5, 7]), [100.0]
    reporter = StatusReporter(
        "gateway", instance_id="gateway_1", version="1", count_connections=lambda: next(counts), now_s=lambda: now_s[0]
    )

    def seen() -> int:
        return reporter.report(in_flight_count=0).open_connection_count

    assert (seen(), seen()) == (5, 5)
    now_s[0] += 1.0
    assert seen() == 7
