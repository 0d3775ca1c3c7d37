from pathlib import Path

import pytest

from pointsman.kit.settings import SettingsError, load_settings
from pointsman.registry.adapters.catalog_files import CatalogFiles
from pointsman.registry.adapters.text_document import parse_document
from pointsman.registry.core.problems import ProblemList
from pointsman.registry.server import catalog_files
from pointsman.registry.settings import SHIPPED_CATALOG, RegistrySettings


def loaded(environ: dict[str, str]) -> RegistrySettings:
    return load_settings([RegistrySettings], environ=environ)[0]


def files(environ: dict[str, str]) -> CatalogFiles:
    return catalog_files(loaded(environ))


def test_without_settings_the_shipped_catalogue_is_used() -> None:
    settings = loaded({})
    assert (settings.port, settings.rest_port, settings.folder) == (50052, 8001, Path("var"))
    assert files({}).paths() == [SHIPPED_CATALOG]


def test_both_names_of_the_catalogue_are_understood_and_ours_wins() -> None:
    assert files({"MODEL_PROFILES_PATH": "/a.yaml"}).paths() == [Path("/a.yaml")]
    assert files({"MODEL_PROFILES_PATH": "/a.yaml", "POINTSMAN_CATALOG": "/b.yaml"}).paths() == [Path("/b.yaml")]


def test_a_list_of_models_is_read_beside_the_catalogue() -> None:
    assert files({"MODELS_JSON_PATH": "/m.json"}).paths() == [SHIPPED_CATALOG, Path("/m.json")]


@pytest.mark.parametrize(
    ("path", "folder"),
    [pytest.param("/data", "/data", id="folder"), pytest.param("/data/router.db", "/data", id="file")],
)
def test_the_database_stands_in_a_folder_or_beside_a_file(path: str, folder: str) -> None:
    assert loaded({"DATABASE_PATH": path}).folder == Path(folder)


def test_a_database_path_that_is_a_folder_with_a_suffix_is_that_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state.d"
    folder.mkdir()
    assert loaded({"DATABASE_PATH": str(folder)}).folder == folder


def test_two_models_of_the_environment_are_the_catalogue_where_no_file_is_named() -> None:
    source = files({"OLLAMA_MODEL": "phi3", "CLOUD_MODEL": "gpt-4.1"})
    assert source.paths() == []
    read = source.read()
    assert (read.catalog.name, read.environment) == ("environment", None)
    assert '"phi3"' in read.catalog.text


def test_a_model_of_the_environment_may_have_any_letters() -> None:
    problems = ProblemList()
    parse_document(files({"OLLAMA_MODEL": "phi-\N{LLAMA}"}).read().catalog, problems)
    assert problems.problems == []


def test_models_of_the_environment_stand_beside_a_catalogue_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("schema_version: 1\nmodels: []\n")
    read = files({"OLLAMA_MODEL": "phi3", "POINTSMAN_CATALOG": str(path)}).read()
    assert (read.catalog.name, read.environment and read.environment.name) == ("c.yaml", "environment")


def test_a_model_of_the_environment_that_is_none_refuses_the_start() -> None:
    with pytest.raises(SettingsError) as refusal:
        files({"CLOUD_MODEL": "auto", "CLOUD_INPUT_COST_PER_1M": "much"})
    assert {problem.partition(":")[0] for problem in refusal.value.problems} >= {"CLOUD_MODEL", "CLOUD_INPUT_COST_PER_1M"}


def test_the_output_must_not_be_what_is_read(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "models.json")
    with pytest.raises(SettingsError, match="OUTPUT_PATH"):
        files({"MODELS_JSON_PATH": str(link), "OUTPUT_PATH": str(tmp_path)})


def test_the_output_must_not_be_the_database(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="OUTPUT_PATH"):
        files({"POINTSMAN_VAR_DIR": str(tmp_path), "OUTPUT_PATH": str(tmp_path / "registry.db")})


@pytest.mark.parametrize("key", ["letmein", "pm-a-short", "sk-abc-0123456789"])
def test_an_admin_key_of_another_form_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        loaded({"POINTSMAN_ADMIN_KEY": key})
    assert key not in str(refusal.value)
