"""Servers that answer as a test says, where the mock provider does not."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

# Certificates with their keys, of 127.0.0.1 and localhost; one is valid for a hundred years, the other was for none. For tests alone.
SELF_SIGNED = Path(__file__).with_name("self_signed.pem")
EXPIRED = Path(__file__).with_name("expired.pem")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def http_server(handler: Handler, certificate: Path | None = None, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """A server that answers everything with the handler; its base URL. certificate: speak TLS with it."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    site = web.TCPSite(runner, host, 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def whole_answer() -> web.Response:
    """A chat completion."""
    message = {"role": "assistant", "content": "hi"}
    return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
