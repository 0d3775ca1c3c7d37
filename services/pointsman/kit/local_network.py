"""The servers of this process by their addresses: calls to them need no socket."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import grpc

from pointsman.kit.local_channel import LocalChannel
from pointsman.kit.local_server import LocalServer


class LocalNetwork:
    """Made where several services are started in one process, and handed to each: a server makes itself known, a channel asks."""

    def __init__(self) -> None:
        self._servers: dict[str, LocalServer] = {}

    @contextmanager
    def knowing(self, address: str, server: LocalServer) -> Iterator[None]:
        """Make a server known until the block is left."""
        self._servers[address] = server
        try:
            yield
        finally:
            del self._servers[address]

    def channel_to(self, target: str, *, service: str, retryable_methods: Sequence[str], max_message_bytes: int) -> grpc.aio.Channel | None:
        """A channel to the server with that address; None where it is not of this process."""
        server = self._servers.get(target)
        if server is None:
            return None
        return LocalChannel(server, service=service, retryable_methods=retryable_methods, max_message_bytes=max_message_bytes)
