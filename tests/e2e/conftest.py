"""One running product for all end-to-end tests of a layout, and two mock providers beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, product_environment, start_services, start_up
from tests.fakes.provider.process import ProviderProcess, start_provider

CATALOG = Path(__file__).with_name("catalog.yaml")
# The catalogue's prices by upstream name, as the providers themselves bill them.
PRIMARY_PRICES = {
    "ok-20": {"input_picousd": 100_000, "output_picousd": 400_000},
    "ok-60": {"input_picousd": 2_000_000, "output_picousd": 8_000_000},
    "s_cut-3": {"input_picousd": 1_000_000, "output_picousd": 1_000_000},
}
SECONDARY_PRICES = {
    "ok-61": {"input_picousd": 3_000_000, "output_picousd": 12_000_000},
    "ok-5": {"input_picousd": 0, "output_picousd": 0},
}


@pytest.fixture(scope="module")
def primary() -> Iterator[ProviderProcess]:
    with start_provider(prices=PRIMARY_PRICES) as provider:
        yield provider


@pytest.fixture(scope="module")
def secondary() -> Iterator[ProviderProcess]:
    with start_provider(prices=SECONDARY_PRICES) as provider:
        yield provider


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, primary: ProviderProcess, secondary: ProviderProcess) -> dict[str, str]:
    settings = {
        "PRIMARY_BASE_URL": primary.base_url,
        "PRIMARY_KEY": "primary-key",
        "SECONDARY_BASE_URL": secondary.base_url,
        "SECONDARY_KEY": "secondary-key",
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
