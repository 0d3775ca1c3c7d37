"""Spans sent to a collector over OTLP. Imported only where one is set: the SDK takes a quarter of a second to import."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from pointsman.kit.errors import ServiceError
from pointsman.kit.tracing import Attributes, AttributeValue, Span, SpanKind, Tracing, bind_traceparent

# A collector that is away must neither hold spans back for long nor a shutdown.
EXPORT_S = 3
FLUSH_S = 3.0
# A thousand requests with four spans each; more are dropped, with one log line, rather than kept.
MAX_WAITING_SPANS = 4_096
SPANS_A_BATCH = 512
BATCH_MS = 1_000

CANCELLED = "cancelled"
_KINDS = {SpanKind.INTERNAL: trace.SpanKind.INTERNAL, SpanKind.SERVER: trace.SpanKind.SERVER, SpanKind.CLIENT: trace.SpanKind.CLIENT}


class SpanSource:
    """Opens real spans."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def open_span(self, name: str, kind: SpanKind, attributes: Attributes | None, parent: str | None) -> Iterator[Span]:
        """A SpanOpener."""
        inner = self._tracer.start_span(name, context_under(parent), _KINDS[kind], attributes, record_exception=False)
        span = OtlpSpan(inner)
        try:
            with bind_traceparent(traceparent_of(inner.get_span_context())):
                yield span
        except BaseException as error:
            span.fail(error_type_of(error))
            raise
        finally:
            inner.end()


class OtlpSpan:
    """A span of the SDK's."""

    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner
        self._has_failed = False

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """As Span's."""
        self._inner.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """As Span's."""
        self._inner.update_name(name)

    def fail(self, error_type: str) -> None:
        """As Span's. The first failure is the one that tells."""
        if not self._has_failed:
            self._has_failed = True
            self._inner.set_attribute("error.type", error_type)
            self._inner.set_status(trace.StatusCode.ERROR)


def context_under(traceparent: str | None) -> Context:
    """The SDK's context in which that span is current. traceparent: well formed."""
    if traceparent is None:
        return Context()
    _, trace_id, span_id, flags = traceparent.split("-")
    parent = trace.SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


def traceparent_of(span: trace.SpanContext) -> str:
    """The span as it travels."""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def error_type_of(error: BaseException) -> str:
    """The kind of a failure, never its text, which may hold a prompt."""
    match error:
        case ServiceError():
            return error.reason
        case asyncio.CancelledError() | GeneratorExit():
            return CANCELLED
        case _:
            return type(error).__name__


@asynccontextmanager
async def export_spans(service: str, endpoint: str) -> AsyncIterator[Tracing]:
    """Trace for a service until the context is left; what is still to be sent then gets FLUSH_S.

    endpoint: "http://collector:4317"; https for TLS.
    """
    exporter = Exporter(endpoint=endpoint, insecure=not endpoint.startswith("https://"), timeout=EXPORT_S)
    resource = Resource.create({"service.name": service, "service.namespace": "pointsman", "service.version": version("pointsman")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, MAX_WAITING_SPANS, BATCH_MS, SPANS_A_BATCH))
    try:
        yield Tracing(SpanSource(provider.get_tracer("pointsman")).open_span)
    finally:
        await flush(provider, exporter)


class Exporter(OTLPSpanExporter):
    """The SDK's, which may be shut down twice."""

    _is_closed = False

    def shutdown(self, timeout_millis: float = 0, **_: object) -> None:
        """Send nothing more, and give up what is under way."""
        if not self._is_closed:
            self._is_closed = True
            super().shutdown(timeout_millis)


async def flush(provider: TracerProvider, exporter: Exporter) -> None:
    """Send what waits, within the bound: the SDK waits ten times as long, and knows no other bound than its exporter's end."""
    loop, flushed = asyncio.get_running_loop(), asyncio.Event()

    def shut_down() -> None:
        provider.shutdown()
        loop.call_soon_threadsafe(flushed.set)

    threading.Thread(target=shut_down, name="span_flush", daemon=True).start()
    try:
        async with asyncio.timeout(FLUSH_S):
            await flushed.wait()
    except TimeoutError:
        exporter.shutdown()
        await flushed.wait()
