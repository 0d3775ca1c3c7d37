"""ListVersions, RestoreVersion and ListAuditEntries over real gRPC, with a real database behind."""

import asyncio

import pytest

from pointsman.api.config.v1 import config_pb2
from pointsman.api.registry.v1 import registry_pb2 as pb
from pointsman.kit.errors import Conflict, InvalidArgument, NotFound, PreconditionRequired
from pointsman.registry.server import serve
from tests.integration.registry.conftest import Served
from tests.integration.registry.registry_process import CATALOG_TEXT, calls_to, put_model

SECOND = "  - {id: second, provider: demo}\n"


async def add_models(served: Served, count: int) -> config_pb2.ConfigVersion:
    """One version for each; the newest."""
    version = (await served.calls.catalog()).version
    for number in range(count):
        version = (await served.calls.apply(version, put_model(f"m{number}"))).version
    return version


async def model_ids(served: Served) -> list[str]:
    return [model.id for model in (await served.calls.catalog()).catalog.models]


async def test_every_version_is_listed_with_its_origin_author_and_change(served: Served) -> None:
    base = (await served.calls.catalog()).version
    async with served.calls.watch([config_pb2.CONFIG_KIND_CATALOG]) as watch:
        await watch.next_snapshot()
        served.write(CATALOG_TEXT + SECOND)
        from_file = (await watch.next_snapshot()).version
    await served.calls.apply(from_file, put_model("third"))
    listed = await served.calls.versions()
    assert [(one.version.number, one.origin, one.author, list(one.diff_lines)) for one in listed.versions[:2]] == [
        (3, pb.VERSION_ORIGIN_API, "tester", ["models.third: added"]),
        (2, pb.VERSION_ORIGIN_FILE, "", ["models.second: added"]),
    ]
    first = listed.versions[2]
    assert (first.version, first.origin) == (base, pb.VERSION_ORIGIN_START)
    assert "models.first: added" in first.diff_lines
    assert listed.next_page_token == ""
    times = [one.create_time.ToNanoseconds() for one in listed.versions]
    assert times == sorted(times, reverse=True)


async def test_lists_go_on_page_by_page(served: Served) -> None:
    await add_models(served, 4)
    numbers, token = [], ""
    for _ in range(3):
        page = await served.calls.versions(2, token)
        numbers.append([one.version.number for one in page.versions])
        token = page.next_page_token
    assert (numbers, token) == ([[5, 4], [3, 2], [1]], "")
    entries = await served.calls.audit_entries(3)
    rest = await served.calls.audit_entries(1000, entries.next_page_token)
    assert [one.version.number for one in (*entries.entries, *rest.entries)] == [5, 4, 3, 2, 1]
    assert {one.author for one in entries.entries} == {"tester"}


async def test_a_page_token_of_another_list_or_of_nobody_is_refused(served: Served) -> None:
    await add_models(served, 2)
    token = (await served.calls.versions(1)).next_page_token
    for wrong in (token[:-2], "%%%", "'; DROP TABLE states; --"):
        with pytest.raises(InvalidArgument) as refusal:
            await served.calls.versions(1, wrong)
        assert refusal.value.param == "page_token"
    with pytest.raises(InvalidArgument):
        await served.calls.audit_entries(1, token)
    for size in (-1, 1001, 2**31 - 1):
        with pytest.raises(InvalidArgument):
            await served.calls.versions(size)


async def test_an_earlier_version_comes_back_as_a_new_one_and_reaches_the_watchers(served: Served) -> None:
    newest = await add_models(served, 2)
    async with served.calls.watch([config_pb2.CONFIG_KIND_CATALOG]) as watch:
        await watch.next_snapshot()
        restored = await served.calls.restore(newest, 2)
        snapshot = await watch.next_snapshot()
    assert (restored.version.number, list(restored.diff_lines)) == (4, ["models.m1: removed"])
    assert (snapshot.version, [model.id for model in snapshot.catalog.models]) == (restored.version, ["first", "m0"])
    assert (await served.calls.versions(1)).versions[0].origin == pb.VERSION_ORIGIN_RESTORE
    assert (await served.calls.audit_entries(1)).entries[0].author == "restorer"


async def test_restored_content_outlives_a_restart_although_the_file_differs(served: Served) -> None:
    async with served.calls.watch([config_pb2.CONFIG_KIND_CATALOG]) as watch:
        await watch.next_snapshot()
        served.write(CATALOG_TEXT + SECOND)
        newest = (await watch.next_snapshot()).version
    await served.calls.restore(newest, 1)
    settings = served.settings.model_copy(update={"var_dir": served.settings.var_dir.with_name("copy")})
    # A copy of the folder: the first registry still has its own.
    settings.var_dir.mkdir()
    for path in served.settings.folder.glob("registry.db*"):
        (settings.folder / path.name).write_bytes(path.read_bytes())
    async with serve(settings) as addresses, calls_to(addresses["registry_grpc"]) as calls:
        snapshot = await calls.catalog()
        assert (snapshot.version.number, [model.id for model in snapshot.catalog.models]) == (3, ["first"])


async def test_what_cannot_be_restored_is_refused(served: Served) -> None:
    newest = await add_models(served, 1)
    with pytest.raises(NotFound):
        await served.calls.restore(newest, 99)
    with pytest.raises(InvalidArgument):
        await served.calls.restore(newest, 0)
    with pytest.raises(InvalidArgument):
        await served.calls.restore(newest, 1, author="a\nb")
    with pytest.raises(PreconditionRequired):
        await served.calls.restore(config_pb2.ConfigVersion(), 1)
    with pytest.raises(Conflict) as refusal:
        await served.calls.restore(config_pb2.ConfigVersion(epoch=newest.epoch, number=1), 1)
    assert refusal.value.reason == "version_conflict"
    assert await model_ids(served) == ["first", "m0"]


async def test_of_fifty_changes_at_once_one_is_in_the_record(served: Served) -> None:
    base = (await served.calls.catalog()).version
    tries = [served.calls.apply(base, put_model(f"m{number}")) for number in range(50)]
    await asyncio.gather(*tries, return_exceptions=True)
    assert [one.origin for one in (await served.calls.audit_entries()).entries] == [pb.VERSION_ORIGIN_API, pb.VERSION_ORIGIN_START]
