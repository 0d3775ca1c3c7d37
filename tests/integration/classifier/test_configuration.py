"""Configuration reaches the running classifier, and outlives the registry."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.config.v1.config_pb2 import (
    CONFIG_KIND_CLASSIFICATION,
    Category,
    ClassificationConfig,
    ConfigSnapshot,
    ConfigVersion,
    KeywordRule,
)
from pointsman.api.registry.v1 import registry_pb2, registry_pb2_grpc
from tests.integration.classifier.test_service import Client, connect, settings_for

LEGAL = Category(name="legal", examples=["Review the lease of my flat and tell me which clauses are unusual"])
LEASE_PROMPT = "Review the lease of my flat and tell me which clauses are odd"
HAIKU_RULE = KeywordRule(name="kigo", category="creative_writing", pattern="cherry blossom", weight=5)
BROKEN_RULE = KeywordRule(name="bad", category="chat", pattern="(", weight=1)


class ScriptedRegistry(registry_pb2_grpc.RegistryServiceServicer):
    """Hands out what the test publishes, and keeps the subscribers' reports."""

    def __init__(self) -> None:
        self.snapshots: asyncio.Queue[ConfigSnapshot] = asyncio.Queue()
        self.reports: asyncio.Queue[registry_pb2.ReportAppliedRequest] = asyncio.Queue()

    async def publish(self, number: int, config: ClassificationConfig) -> registry_pb2.ReportAppliedRequest:
        """Send a version; what the subscriber reports of it."""
        version = ConfigVersion(epoch="test", number=number)
        await self.snapshots.put(ConfigSnapshot(kind=CONFIG_KIND_CLASSIFICATION, version=version, classification=config))
        async with asyncio.timeout(10):
            return await self.reports.get()

    async def WatchConfig(  # noqa: N802
        self, request: registry_pb2.WatchConfigRequest, context: Any
    ) -> AsyncIterator[registry_pb2.WatchConfigResponse]:
        assert list(request.kinds) == [CONFIG_KIND_CLASSIFICATION]
        while True:
            try:
                async with asyncio.timeout(1):
                    yield registry_pb2.WatchConfigResponse(snapshot=await self.snapshots.get())
            except TimeoutError:
                yield registry_pb2.WatchConfigResponse(heartbeat=registry_pb2.Heartbeat())

    async def ReportApplied(  # noqa: N802
        self, request: registry_pb2.ReportAppliedRequest, context: Any
    ) -> registry_pb2.ReportAppliedResponse:
        await self.reports.put(request)
        return registry_pb2.ReportAppliedResponse()

    async def ApplyChanges(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    async def GetStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    async def ListVersions(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    async def RestoreVersion(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    async def ListAuditEntries(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError


@asynccontextmanager
async def registry_on_any_port() -> AsyncIterator[tuple[ScriptedRegistry, str]]:
    server, registry = grpc.aio.server(), ScriptedRegistry()
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield registry, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def classify_once_changed(client: Client, text: str, old_version: str) -> pb.Classification:
    """The judgement by the setup after `old_version`, which comes into force milliseconds after its report."""
    async with asyncio.timeout(10):
        found = await client.classify(text)
        while found.version == old_version:
            found = await client.classify(text)
    return found


@pytest.fixture
def own_var_dir(var_dir: Path, tmp_path: Path) -> Path:
    """A folder of state with the built graph and no configuration."""
    (tmp_path / "classifier").mkdir()
    for path in (var_dir / "classifier").glob("minilm*"):
        (tmp_path / "classifier" / path.name).hardlink_to(path)
    return tmp_path


async def test_added_category_rules_and_rejection_while_serving(own_var_dir: Path) -> None:
    async with registry_on_any_port() as (registry, target), AsyncExitStack() as stack:
        client = await connect(stack, settings_for(own_var_dir, registry_target=target))
        before = await client.classify(LEASE_PROMPT)
        assert before.category != "legal"

        report = await registry.publish(1, ClassificationConfig(added_categories=[LEGAL]))
        after = await classify_once_changed(client, LEASE_PROMPT, before.version)
        assert (report.version.number, report.rejection) == (1, "")
        assert after.category == "legal"
        assert after.nearest_examples[0].category == "legal"

        report = await registry.publish(
            2, ClassificationConfig(keyword_rules=[KeywordRule(name="bad", category="chat", pattern="(", weight=1)])
        )
        assert "chat/bad" in report.rejection
        assert (await client.classify(LEASE_PROMPT)).category == "legal"

        await registry.publish(3, ClassificationConfig(keyword_rules=[HAIKU_RULE]))
        changed = await classify_once_changed(client, "cherry blossom", after.version)
        assert list(changed.matched_rules) == ["creative_writing/kigo"]
        assert [config.version.number for config in (await client.status()).status.applied_configs] == [3]


async def test_configuration_on_disk_is_in_force_from_the_first_request(own_var_dir: Path) -> None:
    async with registry_on_any_port() as (registry, target), AsyncExitStack() as stack:
        await connect(stack, settings_for(own_var_dir, registry_target=target))
        await registry.publish(1, ClassificationConfig(added_categories=[LEGAL]))
    async with AsyncExitStack() as stack:
        client = await connect(stack, settings_for(own_var_dir))
        assert (await client.classify(LEASE_PROMPT)).category == "legal"
        (applied,) = (await client.status()).status.applied_configs
        assert (applied.version.number, applied.from_disk) == (1, True)
