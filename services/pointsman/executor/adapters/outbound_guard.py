"""Looks at every address that is about to be connected to. Names and IP literals both end here."""

import asyncio
import socket
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from pointsman.executor.core.address_rules import is_address_allowed

AddressInfo: TypeAlias = "tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]"
RESOLVE_S = 2.0  # as long as a connection may take


class AddressRefused(OSError):
    """The address may not be called."""


class GuardedResolver(AbstractResolver):
    """Resolves once and checks every address: a name with one address that may not be called is refused whole."""

    def __init__(self, *, allow_private: bool, inner: AbstractResolver | None = None, timeout_s: float = RESOLVE_S) -> None:
        """allow_private: private and loopback addresses may be called. inner: what resolves; by default the system."""
        self._inner = inner or ThreadedResolver()
        self._allow_private = allow_private
        self._timeout_s = timeout_s

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError:
            raise OSError("resolve: no answer in time") from None
        if not all(is_address_allowed(entry["host"], allow_private=self._allow_private) for entry in found):
            raise AddressRefused("the name leads to an address that may not be called")
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()


class GuardedSockets:
    """Makes sockets for addresses that may be called; what is checked is what is connected to."""

    def __init__(self, *, allow_private: bool) -> None:
        """allow_private: private and loopback addresses may be called."""
        self._allow_private = allow_private

    def __call__(self, info: AddressInfo) -> socket.socket:
        """A socket for the address. Raises AddressRefused."""
        family, kind, protocol, _, address = info
        if not is_address_allowed(str(address[0]), allow_private=self._allow_private):
            raise AddressRefused("the address may not be called")
        return socket.socket(family, kind, protocol)
