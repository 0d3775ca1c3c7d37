import subprocess
import sys

import pytest

from pointsman.kit.tracing import SILENT_SPAN, SpanKind, Tracing, bind_traceparent, current_trace_id, current_traceparent
from tests.fakes.spans import RecordedSpans

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def test_where_nothing_is_traced_every_span_is_the_same_silent_one() -> None:
    tracing = Tracing()
    with tracing.span("a", kind=SpanKind.CLIENT, attributes={"x": 1}) as span, tracing.server_span("b", traceparent=TRACEPARENT) as other:
        span.set_attribute("y", 2)
        span.rename("c")
        span.fail("internal")
        assert span is other is SILENT_SPAN
        assert current_traceparent() is None


def test_a_span_is_opened_under_the_current_one() -> None:
    spans = RecordedSpans()
    with bind_traceparent(TRACEPARENT), spans.tracing.span("outer"), spans.tracing.span("inner", kind=SpanKind.CLIENT):
        pass
    outer, inner = spans.all
    assert (outer.name, outer.kind, outer.parent) == ("outer", SpanKind.INTERNAL, TRACEPARENT)
    assert (inner.name, inner.kind, inner.parent) == ("inner", SpanKind.CLIENT, outer.traceparent)


def test_the_current_span_is_the_one_before_again_when_one_is_left() -> None:
    with bind_traceparent(TRACEPARENT):
        with RecordedSpans().tracing.span("inner"):
            assert current_traceparent() != TRACEPARENT
        assert current_traceparent() == TRACEPARENT
        assert current_trace_id() == "a" * 32
    assert current_trace_id() is None


MALFORMED = {
    "none": None,
    "empty": "",
    "text": "canary",
    "zero trace": TRACEPARENT.replace("a" * 32, "0" * 32),
    "zero span": TRACEPARENT.replace("b" * 16, "0" * 16),
    "upper case": TRACEPARENT.upper(),
    "other version": "01" + TRACEPARENT[2:],
    "more behind": TRACEPARENT + "-x",
    "a line break behind": TRACEPARENT + "\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_callers_traceparent_that_is_not_well_formed_begins_a_trace_of_its_own(sent: str | None) -> None:
    spans = RecordedSpans()
    with bind_traceparent(TRACEPARENT), spans.tracing.server_span("served", traceparent=sent):
        pass
    assert [span.parent for span in spans.all] == [None]


def test_a_callers_traceparent_is_adopted() -> None:
    spans = RecordedSpans()
    with spans.tracing.server_span("served", traceparent=TRACEPARENT, attributes={"rpc.method": "Say"}):
        pass
    (span,) = spans.all
    assert (span.parent, span.kind, span.attributes) == (TRACEPARENT, SpanKind.SERVER, {"rpc.method": "Say"})


def test_where_nothing_is_traced_the_sdk_is_not_even_imported() -> None:
    imports = "import sys, pointsman.kit.telemetry, pointsman.kit.grpc_server"
    code = f"{imports}; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
