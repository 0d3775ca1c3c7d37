from pathlib import Path

from pointsman.kit.settings import load_settings
from pointsman.registry.settings import SHIPPED_CATALOG, RegistrySettings


def loaded(environ: dict[str, str]) -> RegistrySettings:
    return load_settings([RegistrySettings], environ=environ)[0]


def test_without_settings_the_shipped_catalogue_is_used() -> None:
    settings = loaded({})
    assert (settings.port, settings.catalog_path, settings.folder) == (50052, SHIPPED_CATALOG, Path("var/registry"))


def test_both_names_of_the_catalogue_are_understood_and_ours_wins() -> None:
    assert loaded({"MODEL_PROFILES_PATH": "/a.yaml"}).catalog_path == Path("/a.yaml")
    assert loaded({"MODEL_PROFILES_PATH": "/a.yaml", "POINTSMAN_CATALOG": "/b.yaml"}).catalog_path == Path("/b.yaml")
