"""ApplyChanges over real gRPC."""

import asyncio

import pytest

from pointsman.api.config.v1 import config_pb2
from pointsman.api.registry.v1 import registry_pb2 as pb
from pointsman.kit.errors import Conflict, InvalidArgument, NotFound, PreconditionRequired
from tests.integration.registry.conftest import Served
from tests.integration.registry.registry_process import put_model

DELETE_FIRST = pb.CatalogChange(delete_model_id="first")


async def model_ids(served: Served) -> list[str]:
    return [model.id for model in (await served.calls.catalog()).catalog.models]


async def test_an_accepted_change_answers_its_version_and_diff(served: Served) -> None:
    base = (await served.calls.catalog()).version
    provider = config_pb2.Provider(
        id="own", kind=config_pb2.PROVIDER_KIND_OPENAI, base_url="https://api.example.com/v1", api_key="env:OWN_KEY"
    )
    applied = await served.calls.apply(base, pb.CatalogChange(put_provider=provider), put_model("second", "own"))
    assert (applied.version.epoch, applied.version.number) == (base.epoch, 2)
    assert list(applied.diff_lines) == ["providers.own: added", "models.second: added"]
    assert await model_ids(served) == ["first", "second"]


async def test_a_dry_run_changes_nothing(served: Served) -> None:
    base = (await served.calls.catalog()).version
    applied = await served.calls.apply(base, put_model("second"), dry_run=True)
    assert (applied.version, list(applied.diff_lines)) == (base, ["models.second: added"])
    assert await model_ids(served) == ["first"]


async def test_of_fifty_changes_at_once_one_is_accepted(served: Served) -> None:
    base = (await served.calls.catalog()).version
    tries = [served.calls.apply(base, put_model(f"m{number}")) for number in range(50)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, pb.ApplyChangesResponse) for result in results) == 1
    assert {result.reason for result in results if isinstance(result, Conflict)} == {"version_conflict"}
    assert len(await model_ids(served)) == 2


async def test_a_change_without_a_version_is_asked_for_it(served: Served) -> None:
    with pytest.raises(PreconditionRequired):
        await served.calls.apply(config_pb2.ConfigVersion(), put_model("second"))


async def test_an_entry_of_the_file_needs_adoption(served: Served) -> None:
    base = (await served.calls.catalog()).version
    with pytest.raises(Conflict) as refusal:
        await served.calls.apply(base, put_model("first"))
    assert refusal.value.reason == "managed_by_file"
    adopted = config_pb2.Model(id="first", provider_id="demo", display_name="Adopted")
    await served.calls.apply(base, pb.CatalogChange(put_model=adopted), adopt=True)
    snapshot = await served.calls.catalog()
    assert [model.display_name for model in snapshot.catalog.models] == ["Adopted"]


async def test_removing_what_is_needed_is_refused(served: Served) -> None:
    base = (await served.calls.catalog()).version
    with pytest.raises(Conflict) as refusal:
        await served.calls.apply(base, DELETE_FIRST, adopt=True)
    assert refusal.value.reason == "in_use"
    with pytest.raises(Conflict) as refusal:
        await served.calls.apply(base, pb.CatalogChange(delete_provider_id="demo"), adopt=True, force=True)
    assert refusal.value.reason == "in_use"
    with pytest.raises(NotFound):
        await served.calls.apply(base, pb.CatalogChange(delete_model_id="none-such"))
    await served.calls.apply(base, DELETE_FIRST, adopt=True, force=True)
    assert await model_ids(served) == []


async def test_every_fault_is_named_and_no_secret_repeated(served: Served) -> None:
    base = (await served.calls.catalog()).version
    provider = config_pb2.Provider(
        id="p", kind=config_pb2.PROVIDER_KIND_OPENAI, base_url="http://u:hunter2@10.0.0.1", api_key="sk-SECRET-1"
    )
    with pytest.raises(InvalidArgument) as refusal:
        await served.calls.apply(base, put_model("auto"), pb.CatalogChange(put_provider=provider))
    assert (refusal.value.reason, refusal.value.param) == ("invalid_value", "changes[0].put_model.id")
    assert refusal.value.message.count("changes[") == 3
    assert "SECRET" not in refusal.value.message
    assert "hunter2" not in refusal.value.message


async def test_no_change_at_all_is_refused(served: Served) -> None:
    base = (await served.calls.catalog()).version
    with pytest.raises(InvalidArgument):
        await served.calls.apply(base)
    with pytest.raises(InvalidArgument):
        await served.calls.apply(base, pb.CatalogChange())
