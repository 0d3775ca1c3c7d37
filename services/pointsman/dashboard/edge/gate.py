"""The dashboard's door: which paths there are, and who gets through to the pages behind it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, Router

from pointsman.dashboard import names
from pointsman.dashboard.edge.origins import refuse_foreign_page, require_own_page
from pointsman.dashboard.edge.sessions import SESSION_S, SignIns
from pointsman.dashboard.edge.sign_in_page import STYLES_PATH, sign_in_page
from pointsman.kit.errors import NotFound, Overloaded, RateLimited, ServiceError, Unauthenticated
from pointsman.kit.http_errors import render_error
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.http_middleware import App, Receive, Scope, Send
from pointsman.kit.logging import Logger

COOKIE = "pointsman_dashboard"
PAGE_PATH = "/"
SIGN_IN_PATH, SIGN_OUT_PATH = "/sign-in", "/sign-out"
SOCKET_PREFIX = "/_nicegui_ws/"
MAX_PAGES = 100  # each takes about 1 MB here; one that is left open without a browser goes after a minute
STYLES_FILE = Path(__file__).parents[1] / "pages" / "dashboard.css"
STYLES_AGE_S = 300
# The first could have been set by anybody, and the pages would believe it; packed, they could not be given their nonce.
HEADERS_LEFT_OUT = frozenset({b"x-forwarded-prefix"})
PAGE_HEADERS_LEFT_OUT = HEADERS_LEFT_OUT | {b"accept-encoding"}
POLICY_VIOLATION = 1008  # WebSocket close code, RFC 6455 7.4.1
SEE_OTHER = 303


class Pages(Protocol):
    """The pages behind the door. asset_prefixes: paths of what they load."""

    @property
    def app(self) -> App: ...  # noqa: D102
    @property
    def asset_prefixes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def count_pages(self) -> Callable[[], int]: ...  # noqa: D102


class Gate:
    """Everything that the dashboard serves: its own few routes, and the pages for whoever is signed in."""

    def __init__(self, pages: Pages, routes: Sequence[BaseRoute], *, hosts: TrustedHosts, sign_ins: SignIns, log: Logger) -> None:
        """routes: health and metrics, which ask for no sign-in."""
        self._pages = pages
        self._hosts = hosts
        self._sign_ins = sign_ins
        self._log = log
        own = [
            Route(SIGN_IN_PATH, self._show_sign_in, methods=["GET"]),
            Route(SIGN_IN_PATH, self._sign_in, methods=["POST"]),
            Route(SIGN_OUT_PATH, self._sign_out, methods=["POST"]),
            Route(STYLES_PATH, self._styles, methods=["GET"]),
        ]
        self._router = Router([*routes, *own], redirect_slashes=False, default=self._serve_pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        match scope["type"]:
            case "http":
                scope["app"] = self._router  # else routes answer some refusals by themselves
                await self._router(scope, receive, send)
            case "websocket":
                await self._serve_socket(scope, receive, send)
            case _:
                await self._pages.app(scope, receive, send)

    async def _serve_pages(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        self._hosts.check(request)
        path = scope["path"]
        is_page = path == PAGE_PATH
        if scope["method"] != "GET" or not (is_page or path.startswith(self._pages.asset_prefixes)):
            raise NotFound("route_not_found", "no such page; the dashboard is at /")
        if not self._sign_ins.is_signed_in(token_of(request)):
            if not is_page:
                raise Unauthenticated("invalid_api_key", "sign in first")
            await RedirectResponse(SIGN_IN_PATH, SEE_OTHER)(scope, receive, send)
            return
        if is_page and self._pages.count_pages() >= MAX_PAGES:
            raise Overloaded("too_many_pages", f"{MAX_PAGES} pages are open; close one, or wait a minute")
        await self._pages.app(without(scope, PAGE_HEADERS_LEFT_OUT if is_page else HEADERS_LEFT_OUT), receive, send)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        try:
            self._hosts.check(connection)
            require_own_page(connection)
            if not scope["path"].startswith(SOCKET_PREFIX) or not self._sign_ins.is_signed_in(token_of(connection)):
                raise Unauthenticated("invalid_api_key", "sign in first")
        except ServiceError as error:
            self._log.warning(names.SOCKET_REFUSED, reason=error.reason)
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await self._pages.app(without(scope, HEADERS_LEFT_OUT), receive, send)

    async def _show_sign_in(self, request: Request) -> Response:
        self._hosts.check(request)
        if self._sign_ins.is_signed_in(token_of(request)):
            return RedirectResponse(PAGE_PATH, SEE_OTHER)
        return HTMLResponse(sign_in_page())

    async def _sign_in(self, request: Request) -> Response:
        self._hosts.check(request)
        refuse_foreign_page(request)
        source = request.client.host if request.client is not None else ""
        given = parse_qs((await request.body()).decode("latin-1"), max_num_fields=8).get("key", [""])[0]
        try:
            token = self._sign_ins.sign_in(given, source=source, former_token=token_of(request))
        except (Unauthenticated, RateLimited) as error:
            self._log.warning(names.SIGN_IN_REFUSED, reason=error.reason, source=source)
            rendered = render_error(error, request_id=None)
            return HTMLResponse(sign_in_page(f"{error.message[:1].upper()}{error.message[1:]}."), rendered.status, headers=rendered.headers)
        answer = RedirectResponse(PAGE_PATH, SEE_OTHER)
        is_secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        answer.set_cookie(COOKIE, token, max_age=SESSION_S, httponly=True, samesite="strict", secure=is_secure)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        self._hosts.check(request)
        refuse_foreign_page(request)
        self._sign_ins.sign_out(token_of(request))
        answer = RedirectResponse(SIGN_IN_PATH, SEE_OTHER)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def _styles(self, request: Request) -> Response:
        self._hosts.check(request)
        return FileResponse(STYLES_FILE, media_type="text/css", headers={"cache-control": f"max-age={STYLES_AGE_S}"})


def token_of(connection: HTTPConnection) -> str | None:
    """The session's token, where the browser has one."""
    return connection.cookies.get(COOKIE)


def without(scope: Scope, names_left_out: frozenset[bytes]) -> Scope:
    """The scope without these headers."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in names_left_out]}
