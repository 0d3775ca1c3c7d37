"""The REST facade over real HTTP."""

import asyncio
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from pointsman.registry.server import serve
from pointsman.registry.settings import RegistrySettings
from tests.integration.registry.conftest import Served
from tests.integration.registry.http_calls import http_calls_to
from tests.integration.registry.registry_process import CATALOG_TEXT, calls_to

NEW = {"id": "new/model", "provider": "demo", "display_name": "New", "status": "active"}
KEY = "pm-admin-0123456789"
TRIES = 100
PAUSE_S = 0.1


async def test_the_status_tells_what_there_is(served: Served) -> None:
    status = (await served.http.get("/status")).json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status.pop("last_sync"))
    assert status == {
        "status": "operational",
        "total_models": 1,
        "active_models": 1,
        "data_sources": [str(served.catalog_path)],
        "catalog_version": 1,
        "catalog_error": None,
        "degraded": [],
    }


async def test_a_refused_file_is_told_and_counted(served: Served) -> None:
    served.write("models: [")
    for _ in range(TRIES):
        status = (await served.http.get("/status")).json
        if status["catalog_error"] is not None:
            break
        await asyncio.sleep(PAUSE_S)
    assert (status["status"], status["degraded"], status["total_models"]) == ("operational", ["catalog_refused"], 1)
    assert status["catalog_error"].startswith("catalog.yaml:2: is no YAML")
    metrics = (await served.http.get("/metrics")).text
    assert "pointsman_config_reload_failures_total 1.0" in metrics
    assert 'pointsman_degraded{reason="catalog_refused"} 1.0' in metrics
    assert 'pointsman_config_version{kind="catalog"} 1.0' in metrics


async def test_models_are_listed_and_found_also_by_an_id_with_slashes(served: Served) -> None:
    await served.http.update(NEW)
    listed = (await served.http.get("/models")).json
    assert [model["id"] for model in listed["models"]] == ["first", "new/model"]
    assert (listed["total"], listed["catalog_version"]) == (2, 2)
    assert (await served.http.get("/models/new/model")).json == listed["models"][1]
    assert listed["models"][1]["price_usd_per_mtok"] is None
    assert (await served.http.get("/models/none/such")).error == (404, "model_not_found")


async def test_an_update_is_one_new_version_over_every_door(served: Served) -> None:
    answer = await served.http.update(NEW, {"id": "other", "provider": "demo"})
    assert (answer.status, answer.json) == (200, {"accepted": 2, "version": 2, "diff": ["models.new/model: added", "models.other: added"]})
    assert [model.id for model in (await served.calls.catalog()).catalog.models] == ["first", "new/model", "other"]
    entry = (await served.calls.audit_entries(1)).entries[0]
    assert list(entry.diff_lines) == answer.json["diff"]


async def test_an_update_replaces_what_it_brought_before(served: Served) -> None:
    await served.http.update(NEW)
    answer = await served.http.update({**NEW, "status": "inactive"})
    assert (answer.json["version"], answer.json["diff"]) == (3, ["models.new/model.status: active -> disabled"])
    again = await served.http.update({**NEW, "status": "inactive"})
    assert (again.json["version"], again.json["diff"]) == (3, [])


async def test_an_entry_of_the_file_needs_adoption(served: Served) -> None:
    first = {"id": "first", "provider": "demo", "display_name": "Adopted"}
    assert (await served.http.update(first)).error == (409, "managed_by_file")
    assert (await served.http.update(first, query="?adopt=true")).status == 200
    facts = (await served.http.get("/models/first")).json
    assert (facts["display_name"], facts["origin"]) == ("Adopted", "api")


async def test_many_updates_at_once_are_all_taken(served: Served) -> None:
    updates = [served.http.update({"id": f"m{number}", "provider": "demo"}) for number in range(20)]
    answers = await asyncio.gather(*updates)
    assert {answer.status for answer in answers} == {200}
    assert sorted(answer.json["version"] for answer in answers) == list(range(2, 22))


async def test_a_model_of_a_provider_that_nobody_knows_is_refused_by_its_name(served: Served) -> None:
    answer = await served.http.update({"id": "x", "provider": "nobody"})
    assert answer.error == (400, "invalid_value")
    assert "there is no provider 'nobody'" in answer.json["error"]["message"]


@pytest.mark.parametrize("provider", ["azure_openai", "github_models", "huggingface", "local", "openai"])
async def test_built_in_providers_need_no_entry(served: Served, provider: str) -> None:
    assert (await served.http.update({"id": "x", "provider": provider})).status == 200
    facts = (await served.http.get("/models/x")).json
    assert (facts["provider"], facts["location"]) == (provider, "local" if provider == "local" else "cloud")


async def test_facts_that_are_missing_are_looked_up(served: Served) -> None:
    await served.http.update({"id": "gpt-4.1", "provider": "openai", "display_name": "GPT-4.1", "status": "active"})
    facts = (await served.http.get("/models/gpt-4.1")).json
    assert facts["price_usd_per_mtok"]["input"] == 2
    assert facts["context_window_tokens"] is not None


async def test_a_built_in_provider_is_found_by_a_model_that_is_unknown(served: Served) -> None:
    await served.http.update({"id": "gpt-99", "provider": "openai"})
    facts = (await served.http.get("/models/gpt-99")).json
    assert (facts["price_usd_per_mtok"], facts["context_window_tokens"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b"", (400, "invalid_json"), id="empty"),
        pytest.param(b'{"models": [', (400, "invalid_json"), id="half"),
        pytest.param(b"[]", (400, "invalid_value"), id="no-object"),
        pytest.param(b'{"models": [], "models": []}', (400, "invalid_json"), id="repeated-key"),
        pytest.param(b'{"models": [{"id": "a", "provider": "demo", "quality_score": NaN}]}', (400, "invalid_json"), id="nan"),
        pytest.param(b'{"models": [{"id": "a\\ud800", "provider": "demo"}]}', (400, "invalid_value"), id="half-a-character"),
        pytest.param(b'{"models": ' + b"[" * 100 + b"]" * 100 + b"}", (400, "invalid_json"), id="deep"),
        pytest.param(b'{"models": [{"id": "a", "provider": "demo", "api_key": "sk-SECRET-1"}]}', (400, "invalid_value"), id="secret"),
        pytest.param(b'{"models": [{"id": "' + b"a" * (5 << 20) + b'"}]}', (413, "body_too_large"), id="huge"),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused_and_not_repeated(served: Served, body: bytes, error: tuple[int, str]) -> None:
    answer = await served.http.post("/update", body)
    assert answer.error == error
    assert "SECRET" not in answer.text
    assert (await served.http.get("/status")).json["catalog_version"] == 1


async def test_a_body_of_another_type_is_refused(served: Served) -> None:
    answer = await served.http.post("/update", b'{"models": []}', content_type="text/plain")
    assert answer.error == (415, "unsupported_media_type")


async def test_unknown_paths_and_methods_are_refused_in_one_shape(served: Served) -> None:
    assert (await served.http.get("/nothing")).error == (404, "route_not_found")
    assert (await served.http.get("/update")).error == (405, "method_not_allowed")


async def test_health_and_the_description_are_there(served: Served) -> None:
    assert (await served.http.get("/health")).json == {"status": "ok"}
    assert {"/status", "/models", "/models/{model_id}", "/update"} <= (await served.http.get("/openapi.json")).json["paths"].keys()
    assert "<h1>" in (await served.http.get("/docs")).text


async def test_updates_want_the_admin_key_where_there_is_one(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG_TEXT)
    settings = RegistrySettings(port=0, rest_port=0, var_dir=tmp_path / "var", catalog=catalog, admin_key=SecretStr(KEY))
    async with (
        serve(settings) as addresses,
        http_calls_to(addresses["registry_rest"]) as http,
        calls_to(addresses["registry_grpc"]) as calls,
    ):
        assert (await http.get("/models")).status == 200
        assert (await http.update(NEW)).error == (401, "invalid_api_key")
        assert (await http.update(NEW, authorization="Bearer pm-admin-012345678x")).error == (401, "invalid_api_key")
        assert (await http.update(NEW, authorization=f"Bearer {KEY}")).status == 200
        assert [entry.author for entry in (await calls.audit_entries()).entries] == ["admin", ""]


async def test_everything_wants_the_service_token_where_there_is_one(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG_TEXT)
    settings = RegistrySettings(port=0, rest_port=0, var_dir=tmp_path / "var", catalog=catalog, service_token=SecretStr("between-us"))
    async with serve(settings) as addresses, http_calls_to(addresses["registry_rest"]) as http:
        assert (await http.get("/models")).error == (401, "invalid_api_key")
        assert (await http.update(NEW)).error == (401, "invalid_api_key")
        assert (await http.update(NEW, authorization="Bearer between-us")).status == 200
        assert (await http.get("/health")).status == 200
