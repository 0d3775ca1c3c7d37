"""The demo provider: plays a script with its pauses. No network is involved."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from pointsman.executor.core.catalog import Provider
from pointsman.executor.core.providers.scripted import Piece, script_of
from pointsman.executor.core.translation import WireRequest


class ScriptedProviders:
    """Answers from a script, at once and for nothing."""

    def missing_setting(self, _provider: Provider, *, with_key: bool) -> str | None:  # noqa: ARG002  # a ProviderCaller's shape
        """Nothing is needed."""
        return None

    async def read_files(self, _providers: Collection[Provider]) -> frozenset[str]:
        """Nothing lies in files."""
        return frozenset()

    def server_address(self, _provider: Provider) -> str | None:
        """There is no server."""
        return None

    @asynccontextmanager
    async def send(
        self,
        _provider: Provider,
        request: WireRequest,
        *,
        connect_s: float,  # noqa: ARG002
        caller_api_key: str | None,  # noqa: ARG002
    ) -> AsyncIterator["ScriptedResponse"]:
        """As in ProviderCaller."""
        yield ScriptedResponse(script_of(request.body))


class ScriptedResponse:
    """A script being played."""

    status_code = 200

    def __init__(self, script: list[Piece]) -> None:
        """Take the script."""
        self._script = script
        self.headers: Mapping[str, str] = {}

    async def pieces(self) -> AsyncIterator[bytes]:
        """The pieces, each after its pause."""
        for piece in self._script:
            await asyncio.sleep(piece.delay_s)
            yield piece.data
