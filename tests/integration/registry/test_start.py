"""How the registry starts, and how it does not."""

from pathlib import Path

import pytest

from pointsman.kit.errors import AddressInUse, Unavailable
from pointsman.kit.settings import SettingsError
from pointsman.registry.server import serve
from pointsman.registry.settings import RegistrySettings
from tests.integration.registry.conftest import Served
from tests.integration.registry.registry_process import CATALOG_TEXT, calls_to, put_model, start


async def test_a_first_start_on_a_faulty_catalogue_is_refused_with_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CATALOG_TEXT + "  - {id: auto, provider: nobody, extra: 1}\n")
    with pytest.raises(SettingsError) as refusal:
        async with serve(RegistrySettings(port=0, rest_port=0, var_dir=tmp_path / "var", catalog=path)):
            pass
    assert refusal.value.problems == (
        "c.yaml:6: models[1].id: is a reserved name: auto, auto:…, pointsman/…, agent:…, models",
        "c.yaml:6: models[1].extra: is no field of this place",
        "c.yaml:6: models[1].provider: there is no provider 'nobody'",
    )


async def test_without_a_catalogue_the_process_ends_with_one_line_and_status_2(tmp_path: Path) -> None:
    process = await start(tmp_path / "var", tmp_path / "none.yaml")
    _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (2, "pointsman: none.yaml: cannot be read: No such file or directory\n")


async def test_the_shipped_catalogue_is_served_where_none_is_named(tmp_path: Path) -> None:
    async with serve(RegistrySettings(port=0, rest_port=0, var_dir=tmp_path)) as addresses, calls_to(addresses["registry_grpc"]) as calls:
        snapshot = await calls.catalog()
        assert "demo" in [model.id for model in snapshot.catalog.models]


async def test_a_restart_on_a_broken_file_serves_what_was_good_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG_TEXT)
    settings = RegistrySettings(port=0, rest_port=0, var_dir=tmp_path / "var", catalog=path)
    async with serve(settings) as addresses, calls_to(addresses["registry_grpc"]) as calls:
        before = (await calls.apply((await calls.catalog()).version, put_model("second"))).version
    path.write_text("models: [")
    async with serve(settings) as addresses, calls_to(addresses["registry_grpc"]) as calls:
        snapshot = await calls.catalog()
        assert (snapshot.version, [model.id for model in snapshot.catalog.models]) == (before, ["first", "second"])
        assert (await calls.status()).catalog_error.startswith("catalog.yaml:")


async def test_a_second_registry_on_the_same_folder_is_refused(served: Served) -> None:
    with pytest.raises(Unavailable, match="another registry"):
        async with serve(served.settings):
            pass


async def test_others_are_not_let_in_without_a_credential(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="POINTSMAN_SERVICE_TOKEN"):
        async with serve(RegistrySettings(port=0, rest_port=0, host="0.0.0.0", var_dir=tmp_path)):
            pass


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async with serve(RegistrySettings(port=0, rest_port=0, var_dir=tmp_path / "a")) as addresses:
        port = int(addresses["registry_grpc"].rpartition(":")[2])
        with pytest.raises(AddressInUse, match=str(port)):
            async with serve(RegistrySettings(port=port, rest_port=0, var_dir=tmp_path / "b")):
                pass
