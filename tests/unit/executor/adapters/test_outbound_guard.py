"""Names that lead where nothing may be called, and names that nobody answers for."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from pointsman.executor.adapters.outbound_guard import AddressRefused, GuardedResolver, GuardedSockets


class Names(AbstractResolver):
    """Answers each time with the next addresses; without any it never answers."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        if not self._answers:
            await asyncio.Event().wait()
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0) for address in self._answers.pop(0)]

    async def close(self) -> None:
        pass


async def hosts_of(resolver: GuardedResolver) -> list[str]:
    return [entry["host"] for entry in await resolver.resolve("provider.example", 443)]


async def test_name_that_changes_to_a_private_address_is_refused_from_then_on() -> None:
    resolver = GuardedResolver(allow_private=False, inner=Names(["8.8.8.8"], ["10.0.0.1"], ["8.8.8.8"]))
    assert await hosts_of(resolver) == ["8.8.8.8"]
    with pytest.raises(AddressRefused):
        await hosts_of(resolver)
    assert await hosts_of(resolver) == ["8.8.8.8"]


async def test_name_with_one_private_address_among_public_ones_is_refused_whole() -> None:
    with pytest.raises(AddressRefused):
        await hosts_of(GuardedResolver(allow_private=False, inner=Names(["8.8.8.8", "127.0.0.1"])))


async def test_private_addresses_are_resolved_where_they_are_allowed_and_metadata_never() -> None:
    resolver = GuardedResolver(allow_private=True, inner=Names(["10.0.0.1", "100.64.0.1"], ["169.254.169.254"]))
    assert await hosts_of(resolver) == ["10.0.0.1", "100.64.0.1"]
    with pytest.raises(AddressRefused):
        await hosts_of(resolver)


async def test_name_that_nobody_answers_for_is_given_up() -> None:
    with pytest.raises(OSError, match="no answer in time"):
        await hosts_of(GuardedResolver(allow_private=False, inner=Names(), timeout_s=0.0))


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.1.2.3"])
def test_address_that_no_name_led_to_gets_no_socket(address: str) -> None:
    with pytest.raises(AddressRefused):
        GuardedSockets(allow_private=False)((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 443)))
