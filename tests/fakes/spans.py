"""Spans that a test can look at."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pointsman.kit.tracing import Attributes, AttributeValue, Span, SpanKind, Tracing, bind_traceparent


@dataclass
class RecordedSpan:
    """What was said of one span."""

    name: str
    kind: SpanKind
    parent: str | None
    traceparent: str
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    error_type: str | None = None
    has_ended: bool = False

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        self.attributes[name] = value

    def rename(self, name: str) -> None:
        self.name = name

    def fail(self, error_type: str) -> None:
        self.error_type = self.error_type or error_type


class RecordedSpans:
    """All spans that `tracing` opened, in that order."""

    def __init__(self) -> None:
        self.all: list[RecordedSpan] = []
        self.tracing = Tracing(self._open)

    @contextmanager
    def _open(self, name: str, kind: SpanKind, attributes: Attributes | None, parent: str | None) -> Iterator[Span]:
        trace_id = parent.split("-")[1] if parent else secrets.token_hex(16)
        span = RecordedSpan(name, kind, parent, f"00-{trace_id}-{secrets.token_hex(8)}-01", dict(attributes or {}))
        self.all.append(span)
        try:
            with bind_traceparent(span.traceparent):
                yield span
        except BaseException as error:
            span.fail(type(error).__name__)
            raise
        finally:
            span.has_ended = True
