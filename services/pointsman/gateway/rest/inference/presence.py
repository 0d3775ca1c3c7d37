"""Ends work whose client has gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from pointsman.kit.errors import InvalidArgument

T = TypeVar("T")


class ClientGone(InvalidArgument):
    """Nobody is there to be answered."""


async def while_present(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The work's result; the work is cancelled, and its end awaited, as soon as the client hangs up.

    The request's body must have been read. Raises what the work raises, and ClientGone.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_hang_up(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone("request_timeout", "the client has hung up")
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
