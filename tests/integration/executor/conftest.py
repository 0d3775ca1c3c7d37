"""An executor that serves a catalogue of the test's, and the mock provider to call."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pointsman.api.config.v1 import config_pb2
from pointsman.api.executor.v1 import executor_pb2 as pb
from pointsman.api.executor.v1 import executor_pb2_grpc
from pointsman.api.registry.v1 import registry_pb2, registry_pb2_grpc
from pointsman.executor.server import SERVICE_NAME, serve
from pointsman.executor.settings import ExecutorSettings
from pointsman.kit.config_watch import REGISTRY_SERVICE
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import serve_grpc
from pointsman.kit.logging import get_logger
from tests.fakes.provider.process import ProviderProcess, start_provider
from tests.integration.executor.catalogs import EPOCH, Candidate, snapshot_of

CHAT = b'{"messages":[{"role":"user","content":"Hello there"}]}'


class FakeRegistry(registry_pb2_grpc.RegistryServiceServicer):
    """Sends the newest snapshot to each watcher, and beats."""

    def __init__(self, snapshot: config_pb2.ConfigSnapshot) -> None:
        self._snapshot = snapshot
        self._changed = asyncio.Event()

    def publish(self, snapshot: config_pb2.ConfigSnapshot) -> None:
        self._snapshot = snapshot
        self._changed.set()

    async def WatchConfig(  # noqa: N802  # gRPC names it
        self, request: registry_pb2.WatchConfigRequest, context: object
    ) -> AsyncIterator[registry_pb2.WatchConfigResponse]:
        while True:
            self._changed.clear()
            yield registry_pb2.WatchConfigResponse(snapshot=self._snapshot)
            while not self._changed.is_set():
                try:
                    async with asyncio.timeout(1):
                        await self._changed.wait()
                except TimeoutError:
                    yield registry_pb2.WatchConfigResponse(heartbeat=registry_pb2.Heartbeat())

    async def ReportApplied(  # noqa: N802
        self, request: registry_pb2.ReportAppliedRequest, context: object
    ) -> registry_pb2.ReportAppliedResponse:
        return registry_pb2.ReportAppliedResponse()

    async def ApplyChanges(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    async def GetStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError


@dataclass
class Answer:
    """All events of one completion, in order."""

    events: list[pb.StreamCompletionResponse]

    @property
    def kinds(self) -> list[str]:
        return [str(event.WhichOneof("event")) for event in self.events]

    @property
    def attempts(self) -> list[tuple[str, int, str]]:
        found = [event.attempt_finished.attempt for event in self.events if event.HasField("attempt_finished")]
        return [(attempt.model_id, attempt.outcome, attempt.failure_reason) for attempt in found]

    @property
    def stream(self) -> bytes:
        return b"".join(event.chunk.events for event in self.events if event.HasField("chunk"))

    @property
    def last_attempt(self) -> "pb.AttemptFinished":
        return [event.attempt_finished for event in self.events if event.HasField("attempt_finished")][-1]

    @property
    def failed(self) -> pb.CompletionFailed:
        assert self.events[-1].HasField("failed"), self.kinds
        return self.events[-1].failed

    @property
    def done(self) -> pb.CompletionDone:
        assert self.events[-1].HasField("done"), (self.kinds, self.events[-1])
        return self.events[-1].done


class ExecutorClient:
    """Calls a running executor."""

    def __init__(self, addresses: Mapping[str, str], channel: ServiceChannel, registry: FakeRegistry, catalog: list[Candidate]) -> None:
        self.address, self.rest_address = addresses["executor_grpc"], addresses["executor_rest"]
        self.channel = channel
        self.stub = executor_pb2_grpc.ExecutorServiceStub(channel.channel)
        self.registry = registry
        self.version = 1
        self.catalog = catalog

    def republish(self, catalog: list[Candidate] | None = None) -> None:
        """The same catalogue, or another one, as a new version."""
        self.version += 1
        self.catalog = self.catalog if catalog is None else catalog
        self.registry.publish(snapshot_of(self.catalog, self.version))

    def request(
        self, *models: str, stream: bool = True, body: bytes = CHAT, caller_api_key: str = "", max_attempts: int = 3
    ) -> pb.StreamCompletionRequest:
        return pb.StreamCompletionRequest(
            request_id="req_test",
            catalog_version=config_pb2.ConfigVersion(epoch=EPOCH, number=self.version),
            candidate_model_ids=models,
            body=body,
            stream=stream,
            max_attempts=max_attempts,
            caller_api_key=caller_api_key,
        )

    async def complete(self, *models: str, timeout_s: float = 20.0, **more: object) -> Answer:
        request = self.request(*models, **more)  # type: ignore[arg-type]  # as named there
        async with self.channel.stream(self.stub.StreamCompletion, request, deadline=Deadline.after(timeout_s)) as events:
            return Answer([event async for event in events])

    async def states(self) -> dict[str, pb.ProviderState]:
        request = pb.WatchProviderStatesRequest()
        async with self.channel.stream(self.stub.WatchProviderStates, request, deadline=Deadline.after(5)) as messages:
            return {state.provider_id: state for state in (await anext(messages)).providers}


StartExecutor = Callable[..., AbstractAsyncContextManager[ExecutorClient]]


@pytest.fixture(scope="session")
def provider_process() -> Iterator[ProviderProcess]:
    with start_provider() as provider:
        yield provider


@pytest.fixture
def provider(provider_process: ProviderProcess) -> ProviderProcess:
    provider_process.reset()
    return provider_process


@pytest.fixture
def start_executor(tmp_path: Path) -> StartExecutor:
    @asynccontextmanager
    async def start(
        catalog: list[Candidate],
        environ: dict[str, str] | None = None,
        demo: str = "false",
        drain_s: float = 0,
        otlp_endpoint: str | None = None,
    ) -> AsyncIterator[ExecutorClient]:
        registry = FakeRegistry(snapshot_of(catalog, 1))  # type: ignore[abstract]  # the executor asks for nothing more
        log = get_logger("test")
        async with serve_grpc(
            host="127.0.0.1",
            port=0,
            service_names=[REGISTRY_SERVICE],
            register=lambda server: registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server),
            log=log,
            drain_s=0,
        ) as registry_server:
            await registry_server.set_serving(REGISTRY_SERVICE, serving=True)
            settings = ExecutorSettings.model_validate(
                {
                    "port": 0,
                    "rest_port": 0,
                    "registry_target": registry_server.address,
                    "var_dir": tmp_path,
                    "demo": demo,
                    "drain_s": drain_s,
                    "otlp_endpoint": otlp_endpoint,
                }
            )
            async with (
                serve(settings, environ={"KEY": "operator-key", **(environ or {})}) as addresses,
                ServiceChannel(addresses["executor_grpc"], service=SERVICE_NAME) as channel,
            ):
                yield ExecutorClient(addresses, channel, registry, catalog)

    return start
