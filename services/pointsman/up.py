"""Every service in one process: what `pointsman up` runs.

Each service is entered as it is when it runs alone, but that all except gateway and dashboard listen on loopback; the
addresses of its peers are handed over here, because with port 0 they are known no earlier. They call each other as
they do over gRPC, but without the sockets, which are there for those who ask from outside.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from pointsman.classifier import server as classifier
from pointsman.classifier.server import ProgressListener
from pointsman.dashboard import server as dashboard
from pointsman.executor import server as executor
from pointsman.gateway import server as gateway
from pointsman.kit.local_network import LocalNetwork
from pointsman.ledger import server as ledger
from pointsman.registry import server as registry
from pointsman.settings import AllSettings

LOOPBACK = "127.0.0.1"
LOOPBACK_OF = {"0.0.0.0": LOOPBACK, "[::]": "[::1]"}


@asynccontextmanager
async def serve(settings: AllSettings, *, on_progress: ProgressListener | None = None) -> AsyncIterator[Mapping[str, str]]:
    """Serve everything until the context is left; yields all bound addresses.

    Left in reverse order: dashboard and gateway first, so that what is in flight still finds its services.
    on_progress: told how far the encoder's graph is built, at the first start.
    """
    gateway.refuse_open_address(settings.gateway)  # before anything is built or started
    dashboard.refuse_open_address(settings.dashboard)
    network = LocalNetwork()
    async with AsyncExitStack() as stack:
        # Only gateway and dashboard have callers outside of this process.
        inside = {"host": LOOPBACK}
        addresses = dict(await stack.enter_async_context(registry.serve(settings.registry.model_copy(update=inside), network=network)))
        addresses |= await stack.enter_async_context(ledger.serve(settings.ledger.model_copy(update=inside), network=network))
        inside |= {"registry_target": addresses["registry_grpc"]}
        addresses |= await stack.enter_async_context(executor.serve(settings.executor.model_copy(update=inside), network=network))
        addresses |= await stack.enter_async_context(
            classifier.serve(settings.classifier.model_copy(update=inside), on_progress=on_progress, network=network)
        )
        services = ("registry", "classifier", "executor", "ledger")
        targets = {f"{service}_target": addresses[f"{service}_grpc"] for service in services}
        addresses |= await stack.enter_async_context(gateway.serve(settings.gateway.model_copy(update=targets), network=network))
        gateway_url = f"http://{callable_address(addresses['gateway'])}"
        addresses |= await stack.enter_async_context(dashboard.serve(settings.dashboard.model_copy(update={"gateway_url": gateway_url})))
        yield addresses


def callable_address(address: str) -> str:
    """The address as this process calls it: all addresses are none that one can call."""
    host, _, port = address.rpartition(":")
    return f"{LOOPBACK_OF.get(host, host)}:{port}"
