import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from pointsman.kit.errors import NotFound
from pointsman.kit.http_middleware import App, EdgeMiddleware, Message, Receive, Scope, Send
from pointsman.kit.request_context import current_request_id

Headers = Sequence[tuple[bytes, bytes]]


@dataclass
class Answered:
    """What a client sees, and what is logged."""

    messages: list[Message] = field(default_factory=list)
    logged: LogCapture = field(default_factory=LogCapture)

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(b"".join(message.get("body", b"") for message in self.messages))["error"]
        return error


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads everything and says who asked."""
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    scope["route"] = SimpleNamespace(path="/items/{id}")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"{size} {current_request_id()}".encode()})


async def ask(
    app: App = answer,
    *,
    headers: Headers = (),
    path: str = "/items/canary",
    query: bytes = b"q=canary",
    chunks: Sequence[bytes] = (b"",),
    answered: Answered | None = None,
) -> Answered:
    answered = answered or Answered()
    log = structlog.wrap_logger(None, processors=[answered.logged], wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    edge = EdgeMiddleware(app, max_body_bytes=1_000, log=log)
    left = list(chunks)

    async def receive() -> Message:
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": query, "headers": list(headers)}
    await edge(scope, receive, answered.take)
    return answered


async def test_a_request_passes_and_gets_an_id() -> None:
    answered = await ask(chunks=[b"x" * 600, b"x" * 400])
    request_id = answered.headers[b"x-request-id"]
    assert answered.status == 200
    assert answered.messages[1]["body"] == b"1000 " + request_id


async def test_a_well_formed_id_of_the_caller_is_kept_and_another_replaced() -> None:
    assert (await ask(headers=[(b"x-request-id", b"mine-1")])).headers[b"x-request-id"] == b"mine-1"
    assert (await ask(headers=[(b"x-request-id", b"a\xffb")])).headers[b"x-request-id"].startswith(b"req_")


async def test_each_request_leaves_one_line_without_path_query_or_body() -> None:
    (line,) = (await ask(chunks=[b"canary"])).logged.entries
    assert line.pop("duration_s") >= 0
    assert line == {
        "event": "http_request_finished",
        "log_level": "info",
        "method": "POST",
        "route": "/items/{id}",
        "status": 200,
    }


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "101 headers": ({"headers": [(b"x-%d" % n, b"") for n in range(101)]}, 431, "headers_too_large"),
    "headers of 17 KB": ({"headers": [(b"x-large", b"x" * 17_000)]}, 431, "headers_too_large"),
    "address of 9 KB": ({"query": b"x" * 9_000}, 414, "uri_too_long"),
    "compressed body": ({"headers": [(b"content-encoding", b"gzip")]}, 415, "unsupported_media_type"),
    "declared too large": ({"headers": [(b"content-length", b"1001")]}, 413, "body_too_large"),
    "declared absurdly large": ({"headers": [(b"content-length", b"9" * 30)]}, 413, "body_too_large"),
}


@pytest.mark.parametrize(("request_parts", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_too_large_is_refused_before_it_is_read(request_parts: dict[str, Any], status: int, code: str) -> None:
    reached: list[Scope] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope)

    answered = await ask(note, **request_parts)
    assert (answered.status, answered.error["code"]) == (status, code)
    assert answered.headers[b"content-type"] == b"application/json"
    assert reached == []


async def test_a_body_that_grows_too_large_is_refused_where_it_does() -> None:
    answered = await ask(chunks=[b"x" * 999, b"x", b"x", b"never read"])
    assert (answered.status, answered.error["code"]) == (413, "body_too_large")


async def test_an_expected_failure_is_rendered() -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise NotFound("model_not_found", "no such model", param="model")

    answered = await ask(fail)
    assert (answered.status, answered.error["code"], answered.error["param"]) == (404, "model_not_found", "model")
    assert [entry["status"] for entry in answered.logged.entries] == [404]


async def test_a_bug_is_an_internal_error_to_the_client_and_a_traceback_in_the_log() -> None:
    async def crash(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("canary")

    answered = await ask(crash)
    assert (answered.status, answered.error["code"]) == (500, "internal")
    assert answered.error["message"] == f"internal error, request {answered.headers[b'x-request-id'].decode()}"
    assert [entry["event"] for entry in answered.logged.entries] == ["http_request_crashed", "http_request_finished"]
    assert answered.logged.entries[0]["exc_info"] is True


async def test_an_answer_that_has_begun_is_cut_off_so_that_it_does_not_look_whole() -> None:
    async def begin_and_fail(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise NotFound("model_not_found", "no such model")

    answered = Answered()
    with pytest.raises(NotFound):
        await ask(begin_and_fail, answered=answered)
    assert [message.get("body") for message in answered.messages] == [None, b"half"]


async def test_a_failure_after_a_whole_answer_changes_nothing() -> None:
    async def answer_and_fail(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)
        raise ValueError("late")

    answered = await ask(answer_and_fail)
    assert (answered.status, len(answered.messages)) == (200, 2)
    assert answered.logged.entries[0]["event"] == "http_request_crashed"
