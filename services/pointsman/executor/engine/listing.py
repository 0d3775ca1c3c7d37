"""The free listing of a provider that needs no key: whether it answers, and which models it has."""

import asyncio

from pointsman.executor.core.catalog import Provider
from pointsman.executor.core.faults import ProviderFailed
from pointsman.executor.core.ports import ProviderCaller
from pointsman.executor.core.translation import Translator

CONNECT_S = 1.0  # a listing is on this machine or near it
TOTAL_S = 3.0
MAX_LISTING_BYTES = 4 << 20


async def listing_of(provider: Provider, caller: ProviderCaller, translator: Translator) -> frozenset[str] | None:
    """Names of models that the provider lists; None where it does not answer."""
    try:
        async with (
            asyncio.timeout(TOTAL_S),
            caller.send(provider, translator.to_listing(), connect_s=CONNECT_S, caller_api_key=None) as response,
        ):
            body = bytearray()
            async for piece in response.pieces():
                body += piece
                if len(body) > MAX_LISTING_BYTES:
                    return None
            return translator.from_listing(bytes(body)) if response.status_code == 200 else None
    except (ProviderFailed, TimeoutError):
        return None
