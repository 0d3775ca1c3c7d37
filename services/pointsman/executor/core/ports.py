"""What the executor needs from outside: something that carries requests to providers."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from pointsman.executor.core.catalog import Provider
from pointsman.executor.core.translation import WireRequest


class ProviderResponse(Protocol):
    """The answer to one request, as far as it has come."""

    @property
    def status_code(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, names in lower case."""

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, one socket read at a time. Raises ProviderFailed."""


class ProviderCaller(Protocol):
    """Carries requests to providers of some kinds."""

    def send(
        self, provider: Provider, request: WireRequest, *, connect_s: float, caller_api_key: str | None
    ) -> AbstractAsyncContextManager[ProviderResponse]:
        """The response, entered once its headers are there; leaving ends the call, also at the provider.

        connect_s: time for the connection to stand. caller_api_key: sent in place of the provider's own.
        Raises ProviderFailed.
        """

    async def read_files(self, providers: Collection[Provider]) -> frozenset[str]:
        """Read anew what settings of the providers lie in files; ids of those whose key is now another one, the first time all of them.

        What is not read by this counts as missing.
        """

    def server_address(self, provider: Provider) -> str | None:
        """The host that is called, for traces, without path and query; None where there is none."""

    def missing_setting(self, provider: Provider, *, with_key: bool) -> str | None:
        """What has to be set before the provider can be called, such as "OPENAI_API_KEY is not set"; None: nothing.

        with_key: its own key is needed.
        """
