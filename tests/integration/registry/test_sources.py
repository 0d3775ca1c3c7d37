"""Where models come from besides the catalogue's file, and where they go to besides the subscribers."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pointsman.registry.server import serve
from pointsman.registry.settings import RegistrySettings
from tests.integration.registry.http_calls import HttpCalls, http_calls_to
from tests.integration.registry.registry_process import CATALOG_TEXT, calls_to, put_model
from tests.unit.registry.test_former_state import write_former

TRIES = 100
PAUSE_S = 0.1


def settings_of(folder: Path, **fields: Any) -> RegistrySettings:
    catalog = folder / "catalog.yaml"
    catalog.write_text(CATALOG_TEXT)
    return RegistrySettings(**{"port": 0, "rest_port": 0, "var_dir": folder / "var", "catalog": catalog, **fields})


async def when(http: HttpCalls, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status once it is so. Asked again and again: nothing tells a client of a file that was read."""
    for _ in range(TRIES):
        status: dict[str, Any] = (await http.get("/status")).json
        if is_so(status):
            return status
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(f"not within {TRIES * PAUSE_S:g} s: {status}")


def ids_of(path: Path) -> list[str]:
    return [model["id"] for model in json.loads(path.read_text())["models"]] if path.exists() else []


async def ids_in(path: Path, expected: list[str]) -> list[str]:
    """The models in the file, once they are the expected ones, or at last."""
    for _ in range(TRIES):
        if ids_of(path) == expected:
            break
        await asyncio.sleep(PAUSE_S)
    return ids_of(path)


async def test_a_list_of_models_is_read_beside_the_catalogue_and_watched(tmp_path: Path) -> None:
    models = tmp_path / "elsewhere" / "models.json"
    models.parent.mkdir()
    models.write_text('[{"id": "first", "provider": "openai"}, {"id": "listed", "provider": "demo"}]')
    settings = settings_of(tmp_path, models_json=models)
    async with serve(settings) as addresses, http_calls_to(addresses["registry_rest"]) as http:
        assert (await http.get("/models/first")).json["provider"] == "demo"  # the catalogue's entry wins
        assert (await http.get("/models/listed")).json["origin"] == "file"
        models.write_text('{"models": [{"id": "other", "provider": "demo"}, {"id": "third", "provider": "demo"}]}')
        status = await when(http, lambda status: status["catalog_version"] == 2)
        assert (status["total_models"], status["data_sources"]) == (3, [str(settings.catalog), str(models)])
        models.write_text('{"models": [')
        status = await when(http, lambda status: status["catalog_error"] is not None)
        assert status["catalog_error"].startswith("models.json:1: is no JSON")
        assert status["total_models"] == 3


async def test_a_catalogue_may_be_models_json(tmp_path: Path) -> None:
    models = tmp_path / "models.json"
    models.write_text('{"models": [{"id": "gpt-4.1", "provider": "openai", "display_name": "GPT-4.1", "status": "active"}]}')
    async with (
        serve(settings_of(tmp_path, catalog=models)) as addresses,
        http_calls_to(addresses["registry_rest"]) as http,
    ):
        facts = (await http.get("/models/gpt-4.1")).json
        assert (facts["price_usd_per_mtok"]["output"], facts["origin"]) == (8, "file")


async def test_the_environments_two_models_are_a_catalogue(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, catalog=None, ollama_model="phi3", cloud_model="gpt-4.1", cloud_input_cost="3", cloud_output_cost="9")
    async with serve(settings) as addresses, http_calls_to(addresses["registry_rest"]) as http:
        listed = (await http.get("/models")).json["models"]
        assert [(model["id"], model["location"]) for model in listed] == [("phi3", "local"), ("gpt-4.1", "cloud")]
        assert listed[1]["price_usd_per_mtok"]["input"] == 3
        assert (await http.get("/status")).json["data_sources"] == ["environment"]
        assert (await http.update({"id": "more", "provider": "openai"})).status == 200


async def test_each_accepted_version_is_written_for_other_programs_who_can_read_it_back(tmp_path: Path) -> None:
    output = tmp_path / "out" / "models.json"
    settings = settings_of(tmp_path, output=tmp_path / "out")
    async with serve(settings) as addresses, calls_to(addresses["registry_grpc"]) as calls:
        assert await ids_in(output, ["first"]) == ["first"]
        await calls.apply((await calls.catalog()).version, put_model("second"))
        assert await ids_in(output, ["first", "second"]) == ["first", "second"]
        before = await calls.catalog()
    assert {"id", "provider", "display_name", "status"} <= json.loads(output.read_text())["models"][0].keys()
    copy = settings_of(tmp_path, catalog=output, var_dir=tmp_path / "other")
    async with serve(copy) as addresses, calls_to(addresses["registry_grpc"]) as calls:
        assert (await calls.catalog()).catalog.models[:] == before.catalog.models[:]


async def test_an_output_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_of(tmp_path, output=tmp_path / "file" / "models.json")
    async with serve(settings) as addresses, http_calls_to(addresses["registry_rest"]) as http:
        assert (await when(http, lambda status: status["degraded"] != []))["degraded"] == ["catalog_output_failed"]
        assert (await http.update({"id": "more", "provider": "demo"})).json["version"] == 2


async def test_what_an_earlier_program_kept_is_taken_in_once(tmp_path: Path) -> None:
    former = tmp_path / "var" / "registry"
    former.mkdir(parents=True)
    write_former(
        former,
        source={"catalog": {"name": "catalog.yaml", "text": CATALOG_TEXT}, "rules": None},
        api={"providers": {}, "models": {"kept": {"id": "kept", "provider": "demo"}}},
    )
    settings = settings_of(tmp_path)
    for number in (8, 8):  # the digest of then is no longer today's; after that nothing changes
        async with serve(settings) as addresses, calls_to(addresses["registry_grpc"]) as calls:
            snapshot = await calls.catalog()
            assert (snapshot.version.epoch, snapshot.version.number) == ("old", number)
            assert [model.id for model in snapshot.catalog.models] == ["first", "kept"]
            assert [one.version.number for one in (await calls.versions()).versions] == [8, 7]
    assert [path.name for path in former.iterdir()] == ["state.json.imported"]
    assert (tmp_path / "var" / "registry.db").is_file()
