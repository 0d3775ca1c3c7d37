from pointsman.api.config.v1.config_pb2 import ConfigKind, ConfigVersion
from pointsman.api.status.v1.status_pb2 import AppliedConfig
from pointsman.kit.metrics import ConfigMetrics
from pointsman.kit.telemetry import degraded_gauge, render_metrics, silent_telemetry, watch_config_metrics

CATALOG, CLASSIFICATION = ConfigKind.CONFIG_KIND_CATALOG, ConfigKind.CONFIG_KIND_CLASSIFICATION


class Configs:
    """A catalogue in use since 100 s, and no classification."""

    def applied(self) -> list[AppliedConfig]:
        return [AppliedConfig(kind=CATALOG, version=ConfigVersion(epoch="e", number=7)), AppliedConfig(kind=CLASSIFICATION)]

    def confirmed_s(self, kind: ConfigKind.ValueType) -> float | None:
        return 100.0 if kind == CATALOG else None


def test_each_service_has_metrics_of_its_own() -> None:
    first, second = silent_telemetry("first"), silent_telemetry("second")
    first.calls.count_rpc("Say", "ok", 0.002)
    labels = {"rpc_method": "Say", "outcome": "ok"}
    assert first.registry.get_sample_value("rpc_server_duration_seconds_count", labels) == 1
    assert second.registry.get_sample_value("rpc_server_duration_seconds_count", labels) is None


def test_metrics_are_rendered_as_prometheus_reads_them() -> None:
    telemetry = silent_telemetry("demo")
    telemetry.calls.count_http("POST", "/route", 200, 0.002)
    telemetry.calls.count_http("POST", "/route", 200, 0.2)
    body, content_type = render_metrics(telemetry)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    labels = b'http_request_method="POST",http_response_status_code="200",http_route="/route"'
    assert b"http_server_request_duration_seconds_count{" + labels + b"} 2.0\n" in body


def test_a_method_that_is_none_gets_no_label_of_its_own() -> None:
    telemetry = silent_telemetry("demo")
    telemetry.calls.count_http("CANARY", "none", None, 0.002)
    body, _ = render_metrics(telemetry)
    assert b"CANARY" not in body
    assert b'http_request_method="_OTHER",http_response_status_code=""' in body


def test_versions_in_use_are_read_when_scraped() -> None:
    telemetry = silent_telemetry("demo")
    watch_config_metrics(telemetry, Configs())
    assert telemetry.registry.get_sample_value("pointsman_config_version", {"kind": "catalog"}) == 7
    assert telemetry.registry.get_sample_value("pointsman_config_version", {"kind": "classification"}) == 0


def test_a_versions_age_counts_from_its_last_confirmation_and_none_has_none() -> None:
    _, ages = ConfigMetrics(Configs(), now_s=lambda: 160.0).collect()
    assert [(sample.labels["kind"], sample.value) for sample in ages.samples] == [("catalog", 60.0)]


def test_degradation_is_read_when_scraped() -> None:
    telemetry, reasons = silent_telemetry("demo"), ["encoder_unavailable"]
    degraded_gauge(telemetry, lambda: reasons)
    labels = {"reason": "encoder_unavailable"}
    assert telemetry.registry.get_sample_value("pointsman_degraded", labels) == 1
    reasons.clear()
    assert telemetry.registry.get_sample_value("pointsman_degraded", labels) is None
