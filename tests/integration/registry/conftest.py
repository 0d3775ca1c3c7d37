from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pointsman.registry.server import serve
from pointsman.registry.settings import RegistrySettings
from tests.integration.registry.http_calls import HttpCalls, http_calls_to
from tests.integration.registry.registry_process import CATALOG_TEXT, RegistryCalls, calls_to


@dataclass
class Served:
    """A running registry, its catalogue's file, and calls to it."""

    catalog_path: Path
    settings: RegistrySettings
    calls: RegistryCalls
    http: HttpCalls

    def write(self, text: str) -> None:
        """Replace the catalogue as editors do: whole, by renaming."""
        partial = self.catalog_path.with_suffix(".new")
        partial.write_text(text)
        partial.replace(self.catalog_path)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    path = tmp_path / "config" / "catalog.yaml"
    path.parent.mkdir()
    path.write_text(CATALOG_TEXT)
    settings = RegistrySettings(port=0, rest_port=0, var_dir=tmp_path / "var", catalog=path, drain_s=2)
    async with (
        serve(settings) as addresses,
        calls_to(addresses["registry_grpc"]) as calls,
        http_calls_to(addresses["registry_rest"]) as http,
    ):
        yield Served(path, settings, calls, http)
