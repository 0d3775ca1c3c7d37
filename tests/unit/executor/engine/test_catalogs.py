"""The last versions of the catalogue."""

import asyncio

import pytest

from pointsman.executor.core.catalog import Catalog, CatalogVersion
from pointsman.executor.engine.catalogs import KEPT_VERSIONS, CatalogHistory
from pointsman.kit.errors import PreconditionRequired


def catalog(number: int, epoch: str = "e") -> Catalog:
    return Catalog(CatalogVersion(epoch, number), {}, {})


async def test_last_eight_versions_are_kept() -> None:
    history = CatalogHistory()
    for number in range(1, KEPT_VERSIONS + 2):
        history.add(catalog(number))
    assert await history.at(CatalogVersion("e", 2)) == catalog(2)
    with pytest.raises(PreconditionRequired):
        await history.at(CatalogVersion("e", 1))


async def test_version_of_another_epoch_is_another_version() -> None:
    history = CatalogHistory()
    history.add(catalog(1, "old"))
    history.add(catalog(1, "new"))
    assert (await history.at(CatalogVersion("old", 1))).version.epoch == "old"


async def test_version_that_is_about_to_come_is_waited_for() -> None:
    history = CatalogHistory()
    history.add(catalog(1))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(history.at(CatalogVersion("e", 3)))
        group.create_task(_add_later(history))
    assert waiting.result() == catalog(3)


async def _add_later(history: CatalogHistory) -> None:
    history.add(catalog(2))
    await asyncio.sleep(0)
    history.add(catalog(3))
