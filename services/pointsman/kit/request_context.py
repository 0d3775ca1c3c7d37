"""What belongs to the request being served: bound once at the edge, read wherever it is needed.

Held in context variables, so each task has its own and tasks that it starts inherit them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pointsman.kit.deadline import Deadline
from pointsman.kit.ids import new_id

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_deadline: ContextVar[Deadline | None] = ContextVar("request_deadline", default=None)


def current_request_id() -> str | None:
    """The id of the request being served; None outside any."""
    return _request_id.get()


def request_deadline() -> Deadline:
    """When the call being served ends: the caller's deadline, or the server's default.

    Raises LookupError outside a call, where asking is a mistake.
    """
    deadline = _deadline.get()
    if deadline is None:
        raise LookupError("request_deadline: no call is being served here")
    return deadline


def adopt_request_id(given: str) -> str:
    """The id that a caller sent, where it is well formed (it goes into logs and headers), else a new one."""
    return given if _WELL_FORMED.fullmatch(given) else new_id("req")


@contextmanager
def bind_request(request_id: str, *, deadline: Deadline | None = None) -> Iterator[None]:
    """Make this request the current one until the block is left."""
    tokens = _request_id.set(request_id), _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(tokens[1])
        _request_id.reset(tokens[0])
