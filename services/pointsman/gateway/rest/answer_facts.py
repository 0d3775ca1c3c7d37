"""What is known of a request goes into the headers of its answer, also where the answer is an error."""

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pointsman.gateway.rest.answer_headers import OVERHEAD, Headers, asgi_headers, overhead_text

FACTS = "pointsman.facts"


class AnswerFacts:
    """Wraps the whole application: adds what handlers have told, unless the answer says it by itself."""

    def __init__(self, app: ASGIApp, *, now_s: Callable[[], float] = time.monotonic) -> None:
        """Take what is behind it."""
        self._app = app
        self._now_s = now_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start_s = self._now_s()
        facts: Headers = {}

        async def send_with_facts(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message["headers"]}
                # Where no handler has said what providers took, they took nothing.
                known = {OVERHEAD: overhead_text(self._now_s() - start_s), **facts}
                added = [header for header in asgi_headers(known) if header[0] not in said]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app({**scope, FACTS: facts}, receive, send_with_facts)


def facts_of(request: Request) -> Headers:
    """Headers that the request's answer will have, whatever it comes to; add to them."""
    facts: Headers = request.scope[FACTS]
    return facts
