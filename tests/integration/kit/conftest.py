from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from structlog.testing import LogCapture

from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import RunningGrpcServer
from tests.integration.kit.echo import SERVICE, Echo, EchoStub, capturing_log, open_channel, serve_echo


@dataclass
class Served:
    """A running server, a channel to it, and what both saw."""

    echo: Echo
    server: RunningGrpcServer
    channel: ServiceChannel
    stub: EchoStub
    logged: LogCapture


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    echo = Echo()
    log, logged = capturing_log()
    async with serve_echo(echo, log=log) as server:
        await server.set_serving(SERVICE, serving=True)
        async with open_channel(server.address) as channel:
            yield Served(echo, server, channel, EchoStub(channel.channel), logged)
