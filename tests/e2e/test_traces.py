"""One trace from the edge to the provider, over all services; and nothing of a prompt in it."""

from pathlib import Path

import pytest

from tests.e2e.manual import ask
from tests.e2e.stack import start_services, start_up
from tests.fakes.trace_collector import trace_collector

CANARY = "zanzibar-canary-7391"
CLIENT = 3  # OpenTelemetry's SPAN_KIND_CLIENT


@pytest.mark.parametrize("start", [start_up, start_services], ids=["up", "services"])
def test_one_trace_leads_from_the_edge_to_the_provider(start: object, environment: dict[str, str], tmp_path: Path) -> None:
    assert callable(start)
    with trace_collector() as (collector, endpoint):
        own = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "POINTSMAN_VAR_DIR": str(tmp_path / "var")}
        stack = start(tmp_path, {**environment, **own})
        try:
            body = {"model": "auto", "messages": [{"role": "user", "content": f"Sort a list in Python {CANARY}"}]}
            assert ask(f"{stack.url}/v1/chat/completions", body)[0] == 200
        finally:
            assert set(stack.stop().values()) == {0}
    root = next(span for span in collector.spans if span.service == "gateway" and "/v1/chat/completions" in span.name)
    trace = [span for span in collector.spans if span.trace_id == root.trace_id]
    assert {span.service for span in trace} == {"gateway", "classifier", "executor", "ledger"}
    known = {span.span_id for span in trace}
    assert [span.name for span in trace if span.parent_id not in known] == [root.name]
    assert any(span.service == "executor" and span.kind == CLIENT for span in trace)
    assert not any(CANARY.encode() in raw for raw in collector.raw)
