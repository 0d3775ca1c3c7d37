from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from structlog.testing import LogCapture

from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import RunningGrpcServer
from pointsman.kit.local_network import LocalNetwork
from tests.integration.kit.echo import SERVICE, Echo, EchoStub, Transport, capturing_log


@dataclass
class Served:
    """A running server, a channel to it, and what both saw."""

    echo: Echo
    server: RunningGrpcServer
    channel: ServiceChannel
    stub: EchoStub
    logged: LogCapture


@pytest.fixture(params=["wire", "local"])
def transport(request: pytest.FixtureRequest) -> Transport:
    return Transport(LocalNetwork() if request.param == "local" else None)


@pytest.fixture
async def served(transport: Transport) -> AsyncIterator[Served]:
    echo = Echo()
    log, logged = capturing_log()
    async with transport.serve(echo, log=log) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            yield Served(echo, server, channel, EchoStub(channel.channel), logged)
