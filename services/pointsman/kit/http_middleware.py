"""The edge of an HTTP service, as pure ASGI: caps before work, request id, errors in one shape, one log line.

Frameworks' own middleware classes cost several times as much per request, and see the body too late.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from starlette.routing import Match

from pointsman.kit.errors import InvalidArgument, ServiceError, internal_error
from pointsman.kit.http_errors import render_error
from pointsman.kit.json_loader import dump_json
from pointsman.kit.logging import Logger
from pointsman.kit.metrics import known_method
from pointsman.kit.request_context import adopt_request_id, bind_request
from pointsman.kit.request_drain import shutdown_error
from pointsman.kit.telemetry import Telemetry, silent_telemetry
from pointsman.kit.tracing import TRACEPARENT_KEY, Span

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

NO_ROUTE = "none"
MAX_HEADER_BYTES = 16 << 10
MAX_HEADER_COUNT = 100
MAX_URL_BYTES = 8 << 10
TRACEPARENT_HEADER = TRACEPARENT_KEY.encode()
EVENT_FINISHED = "http_request_finished"
EVENT_CRASHED = "http_request_crashed"


class EdgeMiddleware:
    """Wraps a whole ASGI application."""

    def __init__(self, app: App, *, max_body_bytes: int, log: Logger, telemetry: Telemetry | None = None) -> None:
        """max_body_bytes: of one request; more is refused before it is read."""
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._log = log
        self._telemetry = telemetry or silent_telemetry("http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = adopt_request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
        answer = Answer(send, request_id)
        method = known_method(scope["method"])
        traceparent = headers.get(TRACEPARENT_HEADER, b"").decode("latin-1")
        serving = self._telemetry.tracing.server_span(method, traceparent=traceparent, attributes={"http.request.method": method})
        start_s = time.monotonic()
        with bind_request(request_id), serving as span:
            try:
                check_caps(scope, headers, self._max_body_bytes)
                await self._app(scope, BodyReader(receive, self._max_body_bytes), answer)
            except asyncio.CancelledError:
                reason = shutdown_error()
                if reason is not None and answer.status is None:
                    await answer.fail(reason)
                raise
            except ServiceError as error:
                span.fail(error.reason)
                await answer.fail(error)
            except Exception:  # noqa: BLE001  # the boundary: a bug ends one request, not the service
                self._log.exception(EVENT_CRASHED, method=method)
                span.fail("internal")
                await answer.fail(internal_error(request_id))
            finally:
                self._finish(span, method, route_of(scope), answer.status, time.monotonic() - start_s)

    def _finish(self, span: Span, method: str, route: str, status: int | None, duration_s: float) -> None:
        span.rename(f"{method} {route}")
        span.set_attribute("http.route", route)
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        self._telemetry.calls.count_http(method, route, status, duration_s)
        self._log.info(EVENT_FINISHED, method=method, route=route, status=status, duration_s=round(duration_s, 6))


class Answer:
    """The response on its way out: adds the request id, and knows whether it is too late for an error."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None
        self._complete = False

    async def __call__(self, message: Message) -> None:
        """Pass one ASGI message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = any(name == b"x-request-id" for name, _ in message["headers"])
            added = [] if named else [(b"x-request-id", self._request_id.encode("latin-1"))]
            message = {**message, "headers": [*message["headers"], *added]}
        elif message["type"] == "http.response.body":
            self._complete = not message.get("more_body", False)
        await self._send(message)

    async def fail(self, error: ServiceError) -> None:
        """Answer with the error; where an answer has begun, cut it off, so that it does not look whole."""
        if self._complete:
            return
        if self.status is not None:
            raise error
        rendered = render_error(error, request_id=self._request_id)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in rendered.headers.items()]
        body = dump_json(rendered.body)
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": rendered.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


class BodyReader:
    """Counts the body as it comes; its declared length may be missing, and so may its end."""

    def __init__(self, receive: Receive, max_body_bytes: int) -> None:
        self._receive = receive
        self._left = max_body_bytes
        self._is_complete = False

    async def __call__(self) -> Message:
        """Take one ASGI message. Raises InvalidArgument "body_too_large", and "request_timeout" where the client leaves before its end."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            if not self._is_complete:
                raise InvalidArgument("request_timeout", "the client has hung up")
            return message
        self._is_complete = not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise body_too_large()
        return message


def check_caps(scope: Scope, headers: dict[bytes, bytes], max_body_bytes: int) -> None:
    """Refuse, before anything is read, what is too large or cannot be read."""
    if len(scope["headers"]) > MAX_HEADER_COUNT or sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        raise InvalidArgument("headers_too_large", f"headers: more than {MAX_HEADER_COUNT}, or than {MAX_HEADER_BYTES} bytes")
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_URL_BYTES:
        raise InvalidArgument("uri_too_long", f"address: more than {MAX_URL_BYTES} bytes")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise InvalidArgument("unsupported_media_type", "content-encoding: compressed bodies are not taken")
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > max_body_bytes:
        raise body_too_large()


def body_too_large() -> InvalidArgument:
    """The refusal of a body above the cap."""
    return InvalidArgument("body_too_large", "body: larger than this service takes")


def route_of(scope: Scope) -> str:
    """The route's template, never the path itself: it may hold a caller's text."""
    return str(getattr(scope.get("route") or plain_route_of(scope), "path", NO_ROUTE))


def plain_route_of(scope: Scope) -> object:
    """The route where FastAPI notes its endpoint alone, as it does for those that are not its own; None where there is none."""
    endpoint = scope.get("endpoint")
    routes = scope["router"].routes if endpoint is not None else ()
    own = (route for route in routes if getattr(route, "endpoint", None) is endpoint)
    return next((route for route in own if route.matches(scope)[0] is not Match.NONE), None)
