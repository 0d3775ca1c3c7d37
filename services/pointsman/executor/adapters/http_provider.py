"""Providers over HTTP: one pool of connections, every address checked, nothing followed, unpacked or taken from the environment."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from pointsman.executor.adapters.outbound_guard import AddressRefused, GuardedResolver, GuardedSockets
from pointsman.executor.adapters.references import References
from pointsman.executor.adapters.setting_files import ReferenceUnset, authority_files
from pointsman.executor.core.address_rules import DEFAULT_PATH, BadBaseUrl, checked_base_url
from pointsman.executor.core.catalog import Provider, ProviderKind
from pointsman.executor.core.faults import FailureReason, Fault, ProviderFailed, bad_response, provider_error, provider_timeout
from pointsman.executor.core.translation import WireRequest

MAX_CONNECTIONS = 4_096  # twice the requests that a gateway takes at a time
KEEP_ALIVE_S = 30.0
MAX_HEADER_COUNT = 100  # of at most 8 KiB each
MAX_HEADER_BYTES = 8 << 10
READ_BUFFER_BYTES = 64 << 10
DRAIN_S = 0.02  # for the end of a body whose last event is there, so that the connection can be kept
USER_AGENT = "pointsman"

# Foreign exceptions, the first that fits.
FAULTS: tuple[tuple[type[Exception], Fault], ...] = (
    (aiohttp.ConnectionTimeoutError, provider_timeout("the provider took too long to connect to")),
    (TimeoutError, provider_timeout("the provider did not answer in time")),
    (aiohttp.ClientConnectorDNSError, provider_error("the provider's name does not resolve")),
    (aiohttp.ClientSSLError, provider_error("the provider's TLS certificate or handshake is not good")),
    (aiohttp.ClientConnectorError, provider_error("the provider cannot be connected to")),
    (aiohttp.ClientPayloadError, provider_error("the provider broke off its answer")),
    (aiohttp.ClientResponseError, bad_response("the provider's answer is not HTTP, or its headers are too large")),
    (aiohttp.ClientConnectionError, provider_error("the provider closed the connection")),
    (aiohttp.ClientError, provider_error("the provider cannot be called")),
    (OSError, provider_error("the provider cannot be reached")),
    (ValueError, provider_error("the provider's address, headers or key are of no form that HTTP allows")),
)


class HttpProviders:
    """Calls providers by HTTP."""

    def __init__(self, references: References) -> None:
        """references: where addresses and keys are found."""
        self._references = references
        self._authorities = authority_files()
        # Two pools, so that a connection allowed for one provider never serves another that may not have it.
        self._sessions = {allow_private: _session(allow_private=allow_private) for allow_private in (False, True)}

    async def __aenter__(self) -> Self:
        """Enter; leaving closes every connection."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()

    def missing_setting(self, provider: Provider, *, with_key: bool) -> str | None:
        """As in ProviderCaller."""
        try:
            self._base_url(provider)
            if provider.tls_ca_file is not None:
                self._authorities.content(provider.tls_ca_file)
            if with_key and provider.api_key is not None:
                self._references.secret(provider.api_key)
        except ReferenceUnset as unset:
            return unset.reason
        return None

    async def read_files(self, providers: Collection[Provider]) -> frozenset[str]:
        """As in ProviderCaller."""
        keys = {provider.id: provider.api_key for provider in providers if provider.api_key is not None}
        authorities = {provider.tls_ca_file for provider in providers if provider.tls_ca_file is not None}
        changed = await asyncio.to_thread(self._references.look_at_files, keys.values())
        await asyncio.to_thread(self._authorities.look_at, authorities)
        return frozenset(provider_id for provider_id, reference in keys.items() if reference in changed)

    def server_address(self, provider: Provider) -> str | None:
        """As in ProviderCaller."""
        try:
            return urlsplit(self._base_url(provider)).hostname
        except ReferenceUnset:
            return None

    @asynccontextmanager
    async def send(
        self, provider: Provider, request: WireRequest, *, connect_s: float, caller_api_key: str | None
    ) -> AsyncIterator["HttpResponse"]:
        """As in ProviderCaller."""
        async with await self._open(provider, request, connect_s, caller_api_key) as response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise ProviderFailed(bad_response("the answer is compressed, which was not asked for"))
            yield HttpResponse(response)
            await _drain(response)

    async def _open(self, provider: Provider, request: WireRequest, connect_s: float, caller_api_key: str | None) -> aiohttp.ClientResponse:
        """The response, as soon as its headers are there. Raises ProviderFailed."""
        try:
            return await self._sessions[provider.allow_private_address].request(
                request.method,
                URL(self._base_url(provider) + request.path, encoded=True),
                data=request.body or None,
                headers=self._headers(provider, request, caller_api_key),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_s),
                ssl=True if provider.tls_ca_file is None else self._authorities.content(provider.tls_ca_file),
            )
        except ReferenceUnset as unset:
            raise ProviderFailed(Fault(FailureReason.NO_HEALTHY_PROVIDER, unset.reason)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ProviderFailed(fault_of(error)) from error

    def _base_url(self, provider: Provider) -> str:
        reference = provider.base_url or ""
        default_path = DEFAULT_PATH if provider.kind is ProviderKind.OPENAI else ""
        url = checked_base_url(self._references.address(reference), allow_private=provider.allow_private_address, default_path=default_path)
        if isinstance(url, BadBaseUrl):
            raise ReferenceUnset(f"{reference.removeprefix('env:') if reference.startswith('env:') else 'its base_url'} {url.reason}")
        return url

    def _headers(self, provider: Provider, request: WireRequest, caller_api_key: str | None) -> dict[str, str]:
        headers = {**provider.headers, **request.headers, "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        key = caller_api_key
        if key is None and provider.api_key is not None:
            key = self._references.secret(provider.api_key)
        if key is not None:
            headers[request.key_header] = request.key_prefix + key
        return headers


class HttpResponse:
    """A response whose headers are there."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Take aiohttp's."""
        self._response = response
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    @property
    def status_code(self) -> int:
        """HTTP status."""
        return self._response.status

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, one socket read at a time. Raises ProviderFailed."""
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderFailed(fault_of(error)) from error


def fault_of(error: BaseException) -> Fault:
    """What a failure of the HTTP client means."""
    if isinstance(error, AddressRefused) or isinstance(getattr(error, "os_error", None), AddressRefused):
        return provider_error("the provider's address may not be called; allow_private_address permits private ones")
    return next(fault for kind, fault in FAULTS if isinstance(error, kind))


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read the end of a body that has told all it had to, or give the connection up."""
    if response.content.at_eof():
        return
    try:
        async with asyncio.timeout(DRAIN_S):
            if await response.content.read(1):
                response.close()
    except (aiohttp.ClientError, OSError):  # a TimeoutError is one
        response.close()


def _session(*, allow_private: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=MAX_CONNECTIONS,
        keepalive_timeout=KEEP_ALIVE_S,
        resolver=GuardedResolver(allow_private=allow_private),
        socket_factory=GuardedSockets(allow_private=allow_private),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=READ_BUFFER_BYTES,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADER_COUNT,
    )
