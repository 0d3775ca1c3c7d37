"""The registry's snapshot as the executor's catalogue."""

import pytest

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.executor.adapters.catalog_snapshot import catalog_of
from pointsman.executor.core.catalog import CatalogVersion, Model, Provider, ProviderKind, TimeoutOverrides


def snapshot() -> pb.ConfigSnapshot:
    made = pb.ConfigSnapshot(version=pb.ConfigVersion(epoch="e", number=3))
    provider = made.catalog.providers.add(
        id="p", kind=pb.PROVIDER_KIND_AZURE_OPENAI, base_url="env:B", api_key="env:K", location=pb.LOCATION_LOCAL, api_version="v"
    )
    provider.headers["x-team"] = "a"
    provider.timeouts.total.FromMilliseconds(1_500)
    made.catalog.models.add(id="m", provider_id="p", upstream="u", capabilities=[pb.CAPABILITY_CHAT, pb.CAPABILITY_REASONING])
    return made


def test_what_the_executor_needs_is_taken() -> None:
    catalog = catalog_of(snapshot())
    assert catalog.version == CatalogVersion("e", 3)
    assert catalog.providers["p"] == Provider(
        "p",
        ProviderKind.AZURE_OPENAI,
        "env:B",
        "env:K",
        is_local=True,
        api_version="v",
        timeouts=TimeoutOverrides(total_s=1.5),
        headers={"x-team": "a"},
    )
    assert catalog.models["m"] == Model("m", "p", "u", is_reasoning=True)


def test_snapshot_that_contradicts_itself_is_refused() -> None:
    lost = snapshot()
    lost.catalog.models[0].provider_id = "nobody"
    with pytest.raises(ValueError, match="provider nobody"):
        catalog_of(lost)
    unknown = snapshot()
    unknown.catalog.providers[0].kind = pb.PROVIDER_KIND_UNSPECIFIED
    with pytest.raises(ValueError, match="kind 0"):
        catalog_of(unknown)
