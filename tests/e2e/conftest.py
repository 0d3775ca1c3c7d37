"""One running product for all end-to-end tests of a layout, and two mock providers beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, product_environment, start_services, start_up
from tests.fakes.provider.process import MockProvider, start_provider

CATALOG = Path(__file__).with_name("catalog.yaml")
# Pico-dollars per token by upstream name: the catalogue's prices as the provider itself would bill them.
PRIMARY_PRICES = {"ok-20": (100_000, 400_000), "ok-60": (2_000_000, 8_000_000), "s_cut-3": (1_000_000, 1_000_000)}
SECONDARY_PRICES = {"ok-61": (3_000_000, 12_000_000), "ok-5": (0, 0)}


@pytest.fixture(scope="module")
def primary() -> Iterator[MockProvider]:
    with start_provider(prices=PRIMARY_PRICES) as provider:
        yield provider


@pytest.fixture(scope="module")
def secondary() -> Iterator[MockProvider]:
    with start_provider(prices=SECONDARY_PRICES) as provider:
        yield provider


@pytest.fixture(scope="session")
def graph_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first start builds the encoder's graph, so that the others find it."""
    return tmp_path_factory.mktemp("graph")


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, graph_dir: Path, primary: MockProvider, secondary: MockProvider
) -> dict[str, str]:
    settings = {
        "PRIMARY_BASE_URL": primary.base_url,
        "PRIMARY_KEY": "primary-key",
        "SECONDARY_BASE_URL": secondary.base_url,
        "SECONDARY_KEY": "secondary-key",
        "POINTSMAN_CLASSIFIER_GRAPH_DIR": str(graph_dir),
    }
    return product_environment(tmp_path_factory.mktemp("var"), CATALOG, settings)


@pytest.fixture(scope="module", params=["up", "services"])
def stack(request: pytest.FixtureRequest, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    start = {"up": start_up, "services": start_services}[request.param]
    running = start(tmp_path_factory.mktemp(request.param), environment)
    try:
        yield running
    finally:
        statuses = running.stop()
    assert set(statuses.values()) <= {0}, running.logs()[-3000:]
