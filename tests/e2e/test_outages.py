"""What dies, and what goes on: each service as a process of its own, killed without warning."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.e2e.conftest import CATALOG, PRIMARY_PRICES, SECONDARY_PRICES
from tests.e2e.stack import Process, Stack, product_environment, start_services
from tests.fakes.provider.process import ProviderProcess, start_provider

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def first_provider() -> Iterator[ProviderProcess]:
    with start_provider(prices=PRIMARY_PRICES) as provider:
        yield provider


@pytest.fixture
def second_provider() -> Iterator[ProviderProcess]:
    with start_provider(prices=SECONDARY_PRICES) as provider:
        yield provider


@pytest.fixture
def settings(tmp_path: Path, first_provider: ProviderProcess, second_provider: ProviderProcess) -> dict[str, str]:
    return product_environment(
        tmp_path,
        CATALOG,
        {
            "PRIMARY_BASE_URL": first_provider.base_url,
            "PRIMARY_KEY": "primary-key",
            "SECONDARY_BASE_URL": second_provider.base_url,
            "SECONDARY_KEY": "secondary-key",
        },
    )


@pytest.fixture
def stack(tmp_path: Path, settings: dict[str, str]) -> Iterator[Stack]:
    running = start_services(tmp_path, settings)
    yield running
    running.stop()


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


def recommend(client: httpx.Client, prompt: str = "Write a Python function to sort a list") -> httpx.Response:
    return client.post("/route", json={"prompt": prompt, "mode": "recommend"})


def test_without_classifier_prompts_are_routed_by_rules_and_marked(stack: Stack, client: httpx.Client) -> None:
    assert recommend(client).json()["degraded"] == []
    stack.processes["classifier"].kill()
    answers = [recommend(client) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["degraded"] == ["classifier"] for answer in answers)
    assert all(answer.headers["x-pointsman-degraded"] == "classifier" for answer in answers)
    assert answers[-1].json()["classification"]["category"] == "coding"


def test_without_registry_requests_see_no_difference(stack: Stack, client: httpx.Client) -> None:
    before = recommend(client).json()
    stack.processes["registry"].kill()
    after = recommend(client).json()
    generated = client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO})
    assert (after["recommended_model"], after["catalog_version"], after["degraded"]) == (
        before["recommended_model"],
        before["catalog_version"],
        [],
    )
    assert generated.status_code == 200


def test_gateway_starts_from_its_copy_of_the_catalogue_without_registry(stack: Stack, settings: dict[str, str]) -> None:
    targets = stack.targets
    stack.processes["registry"].kill()
    stack.processes["gateway"].stop()
    restarted = Process.start("gateway", {**settings, **targets}, stack.folder)
    stack.processes["gateway"] = restarted
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        assert recommend(client).status_code == 200


def test_without_ledger_only_free_models_answer(stack: Stack, client: httpx.Client) -> None:
    stack.processes["ledger"].kill()
    paid = client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO})
    free = client.post("/v1/chat/completions", json={"model": "tiny-local", "messages": HELLO})
    assert (paid.status_code, paid.json()["error"]["code"]) == (503, "dependency_down")
    assert free.status_code == 200


def test_dead_provider_is_replaced_before_the_first_content(client: httpx.Client, first_provider: ProviderProcess) -> None:
    first_provider.stop()
    body = {"model": "strong", "models": ["strong", "second/strong"], "messages": HELLO}
    answer = client.post("/v1/chat/completions", json=body)
    streamed = client.post("/v1/chat/completions", json={**body, "stream": True})
    assert (answer.status_code, answer.json()["model"], answer.headers["x-pointsman-cause"]) == (200, "second/strong", "fallback")
    assert streamed.headers["x-pointsman-model"] == "second/strong"
    assert streamed.text.rstrip().endswith("data: [DONE]")
