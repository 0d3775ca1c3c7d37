"""Headers that keep a browser from doing with our pages what they do not do themselves.

NiceGUI's page has inline scripts and style sheets; each gets the page's nonce, so that no other inline one
runs, and nothing is evaluated: pages use plain elements and no handler in JavaScript.
"""

import re
import secrets

from pointsman.kit.http_middleware import App, Message, Receive, Scope, Send

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
POLICY = (
    "default-src 'none'; script-src 'self'{nonce}; style-src 'self'{nonce}; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
INLINE = re.compile(rb"<(script|style)\b")
HTML = b"text/html"
# The policy takes no style in an attribute; NiceGUI's page has one, of a part that is never seen.
STYLE_ATTRIBUTE, IN_ITS_PLACE = b' style="display: none"', b" hidden"


class SecurityHeaders:
    """Adds them to every answer of an application, and the nonce to its pages."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        answer = Secured(send)
        await self._app(scope, receive, answer if scope["type"] == "http" else send)


class Secured:
    """One answer on its way out. A page is held back until it is whole: it comes in one piece anyhow."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._page = bytearray()

    async def __call__(self, message: Message) -> None:
        """Pass one ASGI message on."""
        if message["type"] == "http.response.start":
            if any(name == b"content-type" and value.startswith(HTML) for name, value in message["headers"]):
                self._start = message
            else:
                await self._send({**message, "headers": with_headers(message["headers"], nonce=None)})
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._page += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._start)

    async def _send_page(self, start: Message) -> None:
        nonce = secrets.token_urlsafe(16)
        # The page's data are escaped: a "<" stands in its markup alone.
        page = INLINE.sub(rb'<\1 nonce="' + nonce.encode() + b'"', bytes(self._page).replace(STYLE_ATTRIBUTE, IN_ITS_PLACE))
        kept = [(name, value) for name, value in with_headers(start["headers"], nonce=nonce) if name != b"content-length"]
        await self._send({**start, "headers": [*kept, (b"content-length", str(len(page)).encode())]})
        await self._send({"type": "http.response.body", "body": page})


def with_headers(headers: list[tuple[bytes, bytes]], *, nonce: str | None) -> list[tuple[bytes, bytes]]:
    """The headers with ours. nonce: of the page's inline parts, if it is one."""
    policy = POLICY.format(nonce="" if nonce is None else f" 'nonce-{nonce}'")
    ours = {**HEADERS, "content-security-policy": policy}
    return [*headers, *((name.encode(), value.encode()) for name, value in ours.items())]
