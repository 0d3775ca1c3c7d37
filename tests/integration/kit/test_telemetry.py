import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import CollectorRegistry

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import NotFound, UpstreamFailed
from pointsman.kit.http_middleware import EdgeMiddleware, Receive, Scope, Send
from pointsman.kit.http_server import serve_http
from pointsman.kit.settings import ServiceSettings
from pointsman.kit.telemetry import Telemetry, open_telemetry, render_metrics
from pointsman.kit.tracing import SpanKind
from tests.fakes.spans import RecordedSpans
from tests.integration.kit.echo import SERVICE, Echo, EchoStub, capturing_log, failure_of, open_channel, serve_echo, until

HELLO = StringValue(value="canary")
TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  # gRPC's name
        for group in request.resource_spans:
            service = next(one.value.string_value for one in group.resource.attributes if one.key == "service.name")
            self.spans += [(service, span) for scope in group.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


@asynccontextmanager
async def serve_collector(collector: Collector) -> AsyncIterator[str]:
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"http://127.0.0.1:{port}"
    await server.stop(None)


def recording(spans: RecordedSpans) -> Telemetry:
    return Telemetry("echo", CollectorRegistry(), spans.tracing)


def attributes_of(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value for one in span.attributes}


async def test_a_call_is_a_span_under_its_callers() -> None:
    spans = RecordedSpans()
    async with serve_echo(Echo(), telemetry=recording(spans)) as server:
        await server.set_serving(SERVICE, serving=True)
        async with open_channel(server.address) as channel:
            with spans.tracing.span("caller"):
                await channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(2))
    caller, served = spans.all
    assert (served.name, served.kind, served.parent) == (f"{SERVICE}/Say", SpanKind.SERVER, caller.traceparent)
    assert (served.error_type, served.has_ended) == (None, True)
    assert "canary" not in str(spans.all)


async def test_a_failed_call_is_a_span_with_the_reason_and_counted_by_it() -> None:
    spans = RecordedSpans()
    telemetry = recording(spans)
    async with serve_echo(Echo(failure=UpstreamFailed("provider_error", "canary")), telemetry=telemetry) as server:
        await server.set_serving(SERVICE, serving=True)
        async with open_channel(server.address) as channel:
            await failure_of(channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(2)))
    (served,) = spans.all
    assert (served.parent, served.error_type) == (None, "provider_error")
    labels = {"rpc_method": "Say", "outcome": "provider_error"}
    assert telemetry.registry.get_sample_value("rpc_server_duration_seconds_count", labels) == 1
    assert "canary" not in str(spans.all)


async def find(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound("not_found", "canary")


@pytest.mark.parametrize("sent", [TRACEPARENT, "canary"])
async def test_a_request_is_a_span_under_its_clients(sent: str) -> None:
    spans = RecordedSpans()
    edge = EdgeMiddleware(find, max_body_bytes=1, log=capturing_log()[0], telemetry=recording(spans))
    async with (
        serve_http(edge, host="127.0.0.1", port=0, drain_s=1) as server,
        aiohttp.ClientSession(f"http://{server.address}") as client,
        client.get("/canary?canary", headers={"traceparent": sent}) as answer,
    ):
        assert answer.status == 404
    (served,) = spans.all
    assert (served.name, served.kind, served.error_type) == ("GET none", SpanKind.SERVER, "not_found")
    assert served.parent == (TRACEPARENT if sent == TRACEPARENT else None)
    assert served.attributes == {"http.request.method": "GET", "http.route": "none", "http.response.status_code": 404}


async def test_spans_reach_the_collector_by_the_end_at_the_latest() -> None:
    collector = Collector()
    async with serve_collector(collector) as endpoint, open_telemetry("demo", ServiceSettings(otlp_endpoint=endpoint)) as telemetry:
        serving = telemetry.tracing.server_span("served", traceparent=TRACEPARENT, attributes={"rpc.method": "Say"})
        with serving, telemetry.tracing.span("asked", kind=SpanKind.CLIENT) as span:
            span.set_attribute("gen_ai.request.model", "gpt-4o")
        with pytest.raises(ValueError, match="canary"), telemetry.tracing.span("failed"):
            raise ValueError("canary")
    assert [service for service, _ in collector.spans] == ["demo"] * 3
    asked, served, failed = (span for _, span in collector.spans)
    assert (served.name, served.trace_id.hex(), served.parent_span_id.hex()) == ("served", "a" * 32, "b" * 16)
    assert (served.kind, asked.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert (asked.trace_id, asked.parent_span_id) == (served.trace_id, served.span_id)
    assert attributes_of(asked) == {"gen_ai.request.model": "gpt-4o"}
    assert (failed.status.code, attributes_of(failed)) == (2, {"error.type": "ValueError"})
    assert failed.trace_id != served.trace_id
    assert "canary" not in str(collector.spans)


async def test_a_collector_that_is_away_holds_no_shutdown_for_long() -> None:
    start_s = time.monotonic()
    async with open_telemetry("demo", ServiceSettings(otlp_endpoint="http://127.0.0.1:1")) as telemetry:
        with telemetry.tracing.span("lost"):
            pass
    assert time.monotonic() - start_s < 4.5


async def test_no_series_tells_when_another_began() -> None:
    async with open_telemetry("demo", ServiceSettings()) as telemetry:
        telemetry.calls.count_rpc("GetStatus", "ok", 0.001)
        body, _ = render_metrics(telemetry)
    assert b"rpc_server_duration_seconds_count" in body
    assert b"_created" not in body


async def test_the_lag_of_the_loop_is_sampled() -> None:
    async with open_telemetry("demo", ServiceSettings()) as telemetry:

        def lag_s() -> float:
            return telemetry.registry.get_sample_value("pointsman_event_loop_lag_seconds_sum") or 0.0

        await until(lambda: lag_s() > 0)
        before_s = lag_s()
        await asyncio.sleep(0)
        time.sleep(0.8)  # noqa: ASYNC251  # the stall that is to be seen
        await until(lambda: lag_s() - before_s > 0.2)
        assert telemetry.registry.get_sample_value("process_open_fds") is not None
