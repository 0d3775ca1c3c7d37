"""A registry that is killed while it writes has the old version or the new one, and every one that it acknowledged."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from pointsman.api.config.v1 import config_pb2
from pointsman.api.registry.v1 import registry_pb2 as pb
from pointsman.kit.errors import ServiceError
from tests.integration.registry.registry_process import CATALOG_TEXT, RegistryCalls, calls_to, put_model, registry_in_process

# A hundred take minutes: REGISTRY_KILLS=100 before a release.
KILLS = int(os.environ.get("REGISTRY_KILLS", "10"))


class Writer:
    """Adds one model after another, and remembers which were sent and which were acknowledged."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.acknowledged: dict[str, int] = {}
        self._progress = asyncio.Condition()

    async def write(self, calls: RegistryCalls, version: config_pb2.ConfigVersion) -> None:
        """Until the registry is gone."""
        with contextlib.suppress(ServiceError):
            while True:
                model_id = f"m{len(self.sent)}"
                self.sent.append(model_id)
                version = (await calls.apply(version, put_model(model_id))).version
                async with self._progress:
                    self.acknowledged[model_id] = version.number
                    self._progress.notify_all()

    async def wait_for(self, count: int) -> None:
        """Until that many are acknowledged."""
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.acknowledged) >= count)


async def test_kills_lose_no_acknowledged_version(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG_TEXT)
    writer = Writer()
    epoch = ""
    for kill in range(KILLS):
        async with registry_in_process(tmp_path / "var", catalog) as (process, address), calls_to(address) as calls:
            snapshot = await calls.catalog()
            check(writer, snapshot)
            assert epoch in ("", snapshot.version.epoch)
            epoch = snapshot.version.epoch
            writing = asyncio.create_task(writer.write(calls, snapshot.version))
            await writer.wait_for(len(writer.acknowledged) + 3)
            await asyncio.sleep(kill % 16 * 0.0007)  # another moment of a write each time
            process.kill()
            await writing
    async with registry_in_process(tmp_path / "var", catalog) as (_, address), calls_to(address) as calls:
        snapshot = await calls.catalog()
        check(writer, snapshot)
        await check_history(writer, calls, snapshot)
        await check_every_version_can_be_restored(calls, snapshot)
    assert len(writer.acknowledged) >= 3 * KILLS


def check(writer: Writer, snapshot: config_pb2.ConfigSnapshot) -> None:
    """All that was acknowledged is there, nothing is there that was not sent, and no number is used twice."""
    present = {model.id for model in snapshot.catalog.models} - {"first"}
    assert writer.acknowledged.keys() <= present <= set(writer.sent)
    assert snapshot.version.number == 1 + len(present)
    assert len(set(writer.acknowledged.values())) == len(writer.acknowledged)


async def check_history(writer: Writer, calls: RegistryCalls, snapshot: config_pb2.ConfigSnapshot) -> None:
    """Each version is there once, with the change that made it, and so is each audit entry."""
    versions = [version async for version in all_versions(calls)]
    assert [one.version.number for one in versions] == list(range(snapshot.version.number, 0, -1))
    changes = {one.version.number: list(one.diff_lines) for one in versions}
    assert all(changes[number] == [f"models.{model_id}: added"] for model_id, number in writer.acknowledged.items())
    entries = [(one.version.number, list(one.diff_lines)) async for one in all_entries(calls)]
    assert entries == [(one.version.number, list(one.diff_lines)) for one in versions]


async def check_every_version_can_be_restored(calls: RegistryCalls, snapshot: config_pb2.ConfigSnapshot) -> None:
    """The content of some earlier versions comes back whole."""
    newest = snapshot.version
    for number in (1, snapshot.version.number // 2, snapshot.version.number):
        newest = (await calls.restore(newest, number, force=True)).version
        restored = await calls.catalog()
        assert restored.catalog.models[:] == snapshot.catalog.models[:number]


async def all_versions(calls: RegistryCalls) -> AsyncIterator[pb.CatalogVersion]:
    """Every version, page by page."""
    token = ""
    while True:
        page = await calls.versions(7, token)
        for version in page.versions:
            yield version
        if not (token := page.next_page_token):
            return


async def all_entries(calls: RegistryCalls) -> AsyncIterator[pb.AuditEntry]:
    """Every audit entry, page by page."""
    token = ""
    while True:
        page = await calls.audit_entries(1000, token)
        for entry in page.entries:
            yield entry
        if not (token := page.next_page_token):
            return
