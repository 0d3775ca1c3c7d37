"""JSON lines on standard error, one per event, without prompts and without secrets.

Data are fields, the event is a constant name: `log.info("rpc_finished", method=..., duration_s=...)`.
Redaction is the last step before rendering and fails closed: a field with a telling name is masked,
whatever looks like a credential is masked anywhere, and an object that is no plain value is logged as
its type's name alone, so that the text inside a request can not slip out through its repr.
"""

import enum
import json
import logging
import os
import pathlib
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from pointsman.kit.request_context import current_request_id
from pointsman.kit.tracing import current_trace_id

Logger = FilteringBoundLogger

MASK = "[redacted]"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

# Plural counts such as input_token_count end otherwise and stay readable.
_TELLING_NAME = re.compile(
    r"(^|[_-])(prompts?|messages|content|contents|completion|answer|text|authorization|cookie|credentials?"
    r"|key|api_?keys?|token|secrets?|password|body|headers|metadata)$",
    re.IGNORECASE,
)
# Keys of ours and of the usual providers, and whatever follows an authorization scheme.
_CREDENTIAL = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-[\w-]{6,}|pm-[\w-]{6,}|gh[pousr]_\w{6,}|github_pat_\w{6,}|hf_\w{6,}|AIza[\w-]{20,}|(?:bearer|basic)\s+[^\s\"',]+)",
    re.IGNORECASE,
)


def configure_logging(level: str) -> None:
    """Send every log line of this process, those of libraries too, to standard error as JSON. level: as in the settings."""
    # gRPC's C core writes by itself, also that a peer said goodbye; no handler reaches it.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [LibraryLogHandler()]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def get_logger(service: str) -> Logger:
    """The logger of a service: each of its lines carries the service's name and the current request's id."""
    logger: Logger = structlog.get_logger(service=service)
    return logger


class LibraryLogHandler(logging.Handler):
    """Turns a library's log record into one of our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record."""
        log = get_logger("library")
        log.log(record.levelno, "library_logged", logger=record.name, said=record.getMessage(), exc_info=record.exc_info)


def add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the ids of the current request and of its trace, where there are any."""
    request_id = current_request_id()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    trace_id = current_trace_id()
    if trace_id is not None:
        event.setdefault("trace_id", trace_id)
    return event


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what must not be logged."""
    return {name: _safe_field(name, value) for name, value in event.items()}


def _processors() -> list[Processor]:
    return [
        add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False),
    ]


def _safe_field(name: str, value: object) -> object:
    if value is None or (isinstance(value, bool | int | float) and not isinstance(value, enum.Enum)):
        return value
    return MASK if _TELLING_NAME.search(name) else _safe_value(value)


def _safe_value(value: Any) -> object:
    match value:
        case enum.Enum():
            return value.name
        case None | bool() | int() | float():
            return value
        case str():
            return _CREDENTIAL.sub(MASK, value)
        case Mapping():
            return {str(name): _safe_field(str(name), item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_safe_value(item) for item in value]
        case pathlib.PurePath():
            return str(value)
        case _:
            return f"<{type(value).__name__}>"
