"""Spans of what is being done, as every service opens them; off, which costs nothing, unless a collector is set.

Names and attributes come from closed sets: methods, routes, reasons, models of the catalogue; never text of a user.
What travels between services is W3C's traceparent: https://www.w3.org/TR/trace-context/
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from enum import Enum
from types import TracebackType
from typing import Protocol, TypeAlias

TRACEPARENT_KEY = "traceparent"

_WELL_FORMED = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

AttributeValue: TypeAlias = str | bool | int | float
Attributes: TypeAlias = Mapping[str, AttributeValue]

_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


class SpanKind(Enum):
    """On which side of a call a span is."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span(Protocol):
    """What is being done."""

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Note a fact; name: as OpenTelemetry's conventions have it."""

    def rename(self, name: str) -> None:
        """Give it the name that was not known when it began."""

    def fail(self, error_type: str) -> None:
        """Mark it as failed. error_type: of a closed set, such as a ServiceError's reason."""


class SilentSpan(AbstractContextManager["SilentSpan"]):
    """The span of where nothing is traced; one is enough for all."""

    def __enter__(self) -> "SilentSpan":
        """Enter; nothing becomes current."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave."""

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Forget it."""

    def rename(self, name: str) -> None:
        """Forget it."""

    def fail(self, error_type: str) -> None:
        """Forget it."""


SILENT_SPAN = SilentSpan()


SpanOpener: TypeAlias = Callable[[str, SpanKind, Attributes | None, str | None], AbstractContextManager[Span]]
"""Opens a span, given its name, kind, attributes, and the traceparent to open it under."""


class Tracing:
    """How a service opens spans."""

    def __init__(self, open_span: SpanOpener | None = None) -> None:
        """open_span: None where nothing is traced."""
        self._open_span = open_span

    def span(self, name: str, *, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None) -> AbstractContextManager[Span]:
        """A span under the current one, itself current until the context is left. An error that leaves the context fails it."""
        return SILENT_SPAN if self._open_span is None else self._open_span(name, kind, attributes, _traceparent.get())

    def server_span(self, name: str, *, traceparent: str | None, attributes: Attributes | None = None) -> AbstractContextManager[Span]:
        """The span of a request that is served, under that of its caller. traceparent: as received; one not well formed counts as none."""
        if self._open_span is None:
            return SILENT_SPAN
        parent = traceparent if traceparent is not None and _WELL_FORMED.fullmatch(traceparent) else None
        return self._open_span(name, SpanKind.SERVER, attributes, parent)


def current_traceparent() -> str | None:
    """The current span as W3C's traceparent; None where there is none."""
    return _traceparent.get()


def current_trace_id() -> str | None:
    """The trace's 32 hexadecimal digits; None where nothing is traced."""
    traceparent = _traceparent.get()
    return None if traceparent is None else traceparent.split("-", 2)[1]


@contextmanager
def bind_traceparent(traceparent: str) -> Iterator[None]:
    """Make this span the current one until the block is left."""
    token = _traceparent.set(traceparent)
    try:
        yield
    finally:
        _traceparent.reset(token)
