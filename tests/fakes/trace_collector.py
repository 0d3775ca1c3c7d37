"""A collector of spans in a process of the test's own: what OTEL_EXPORTER_OTLP_ENDPOINT points to."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """One span, with the service that sent it."""

    service: str
    name: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    kind: int
    attributes: dict[str, Any]


@dataclass
class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    spans: list[ReceivedSpan] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def Export(self, request: pb.ExportTraceServiceRequest, context: object) -> pb.ExportTraceServiceResponse:  # noqa: N802
        """Take spans in."""
        self.raw.append(request.SerializeToString())
        for resource in request.resource_spans:
            service = next(item.value.string_value for item in resource.resource.attributes if item.key == "service.name")
            for scope in resource.scope_spans:
                self.spans.extend(received(service, span) for span in scope.spans)
        return pb.ExportTraceServiceResponse()


def received(service: str, span: Any) -> ReceivedSpan:
    """One span in few words."""
    attributes = {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}
    return ReceivedSpan(service, span.name, span.trace_id, span.span_id, span.parent_span_id, span.kind, attributes)


@contextmanager
def trace_collector() -> Iterator[tuple[Collector, str]]:
    """The collector, and its endpoint."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        server.stop(1).wait()
