"""What dies, and what goes on: each service as a process of its own, killed without warning."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.e2e.conftest import CATALOG, PRIMARY_PRICES, SECONDARY_PRICES
from tests.e2e.ledger_reader import booked_total_nanousd
from tests.e2e.stack import Process, Stack, product_environment, start_services
from tests.fakes.provider.process import ProviderProcess, start_provider

HELLO = [{"role": "user", "content": "Hello"}]
MODELS = ("small", "tiny-local")  # a paid and a free one
TELL = {"x-pointsman-metadata": "enabled"}
# The gateway tries again after 5 s at the latest; a busy machine takes its time to start a ledger.
BOOKED_WITHIN_S = 20


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
    assert recommend(client).json()["degraded"] == [], "what was judged before is remembered"
    answers = [recommend(client, f"Write a Python function to sort list {number}") for number in range(10)]
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


def restart_ledger(stack: Stack, settings: dict[str, str]) -> None:
    """The ledger again, where it was."""
    port = stack.addresses["ledger_grpc"].rpartition(":")[2]
    stack.processes["ledger"] = Process.start("ledger", {**settings, "POINTSMAN_LEDGER_PORT": port}, stack.folder)


def assert_booked(stack: Stack, billed_nanousd: int) -> None:
    """The ledger comes to the provider's bill, and stays there."""
    give_up_at_s = time.monotonic() + BOOKED_WITHIN_S
    while booked_total_nanousd(stack) != billed_nanousd and time.monotonic() < give_up_at_s:
        time.sleep(0.05)
    time.sleep(0.5)
    assert (booked_total_nanousd(stack), billed_nanousd > 0) == (billed_nanousd, True)


def ask_and_stream(client: httpx.Client) -> list[httpx.Response]:
    """A paid answer, a paid stream and a free answer."""
    answers = [client.post("/v1/chat/completions", json={"model": model, "messages": HELLO}, headers=TELL) for model in MODELS]
    streamed = client.post("/v1/chat/completions", json={"model": MODELS[0], "messages": HELLO, "stream": True}, headers=TELL)
    return [*answers, streamed]


def test_without_ledger_all_models_answer_and_their_cost_is_booked_when_it_is_back(
    stack: Stack, settings: dict[str, str], client: httpx.Client, first_provider: ProviderProcess
) -> None:
    stack.processes["ledger"].kill()
    answers = ask_and_stream(client)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["pointsman_metadata"]["settled"] for answer in answers[:2]] == [False, False]
    assert '"settled":false' in answers[2].text
    restart_ledger(stack, settings)
    assert_booked(stack, first_provider.bill()["total_nanousd"])
    again = client.post("/v1/chat/completions", json={"model": "small", "messages": HELLO}, headers=TELL)
    assert again.json()["pointsman_metadata"]["settled"] is True
    assert_booked(stack, first_provider.bill()["total_nanousd"])


def test_a_gateway_that_is_killed_while_the_ledger_is_away_has_it_all_booked_after_its_restart(
    stack: Stack, settings: dict[str, str], client: httpx.Client, first_provider: ProviderProcess
) -> None:
    targets = stack.targets
    stack.processes["ledger"].kill()
    assert {answer.status_code for answer in ask_and_stream(client)} == {200}
    time.sleep(0.5)  # settlements reach the disk within a tenth of that
    stack.processes["gateway"].kill()
    restart_ledger(stack, settings)
    stack.processes["gateway"] = Process.start("gateway", {**settings, **targets}, stack.folder)
    assert_booked(stack, first_provider.bill()["total_nanousd"])


def test_dead_provider_is_replaced_before_the_first_content(client: httpx.Client, first_provider: ProviderProcess) -> None:
    first_provider.stop()
    body = {"model": "strong", "models": ["strong", "second/strong"], "messages": HELLO}
    answer = client.post("/v1/chat/completions", json=body)
    streamed = client.post("/v1/chat/completions", json={**body, "stream": True})
    assert (answer.status_code, answer.json()["model"], answer.headers["x-pointsman-cause"]) == (200, "second/strong", "fallback")
    assert streamed.headers["x-pointsman-model"] == "second/strong"
    assert streamed.text.rstrip().endswith("data: [DONE]")
