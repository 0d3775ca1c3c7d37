"""Language models that judge prompts: as strategy `llm`, and as what `pointsman label` asks."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.e2e.stack import Stack, product_environment, start_up
from tests.fakes.provider.process import ProviderProcess, start_provider

CATALOG = Path(__file__).with_name("judges.yaml")
# The catalogue's prices, as the provider itself bills them.
PRICES = {
    "judge-math-50": {"input_picousd": 100_000, "output_picousd": 400_000},
    "ok-20": {"input_picousd": 1_000_000, "output_picousd": 2_000_000},
}
PROMPTS = [{"id": f"p{number}", "prompt": f"What is {number} times {number}?"} for number in range(60)]
FINISH_S = 60
# An answer of the judge takes 50 ms.
SETTLING_S = 1.0


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderProcess]:
    with start_provider(prices=PRICES) as running:
        yield running


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, provider: ProviderProcess) -> dict[str, str]:
    settings = {"PRIMARY_BASE_URL": provider.base_url, "PRIMARY_KEY": "primary-key", "JUDGE_MODEL": "judge"}
    return product_environment(tmp_path_factory.mktemp("var"), CATALOG, settings)


@pytest.fixture(scope="module")
def stack(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = start_up(tmp_path_factory.mktemp("up"), environment)
    try:
        yield running
    finally:
        statuses = running.stop()
    assert set(statuses.values()) <= {0}, running.logs()[-3000:]


@pytest.fixture
def client(stack: Stack, provider: ProviderProcess) -> Iterator[httpx.Client]:
    provider.reset()
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


def booked_usd(client: httpx.Client) -> float:
    """All that the ledger has booked."""
    total: float = client.get("/v1/usage", params={"group_by": "model"}).json()["total_cost_usd"]
    return total


def test_the_policys_judge_decides_and_is_on_the_bill_to_the_nanodollar(client: httpx.Client, provider: ProviderProcess) -> None:
    before = booked_usd(client)
    answer = client.post("/route", json={"prompt": "Write a poem about autumn"}).json()
    assert (answer["classification"]["category"], answer["classification"]["encoder"], answer["degraded"]) == ("math", "llm:judge", [])
    assert (answer["classification"]["difficulty"], answer["classification"]["unsure"]) == ("hard", False)
    assert [(one["purpose"], one["model"]) for one in answer["attempts"]] == [("judge", "judge"), ("answer", "answers")]
    billed_usd = provider.bill()["total_nanousd"] / 1e9
    assert answer["cost_usd"] == pytest.approx(billed_usd, abs=1e-12)
    deadline_s = time.monotonic() + 5
    while booked_usd(client) - before < billed_usd - 1e-12 and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert booked_usd(client) - before == pytest.approx(billed_usd, abs=1e-12)


def test_the_answer_and_not_the_judge_is_what_feedback_is_about(client: httpx.Client) -> None:
    answer = client.post("/route", json={"prompt": "Name three rivers in Asia"}).json()
    told = client.post("/v1/feedback", json={"request_id": answer["request_id"], "rating": 5})
    assert told.status_code == 200


@pytest.mark.parametrize(
    "asked", [{"mode": "recommend"}, {"policy": "plain", "strategy": "llm", "mode": "recommend"}], ids=["policy", "request"]
)
def test_a_recommendation_pays_nobody(client: httpx.Client, provider: ProviderProcess, asked: dict[str, Any]) -> None:
    answer = client.post("/route", json={"prompt": "Write a poem about spring", **asked}).json()
    assert (answer["classification"]["category"], answer["degraded"]) == ("creative_writing", ["strategy"])
    assert provider.bill()["entries"] == []


def test_without_its_provider_the_classifier_judges(client: httpx.Client, provider: ProviderProcess) -> None:
    provider.set_models({"judge-math-50": "err500"})
    try:
        answer = client.post("/route", json={"prompt": "Write a poem about winter"}).json()
    finally:
        provider.set_models({"judge-math-50": "judge-math-50"})
    assert (answer["classification"]["category"], answer["degraded"]) == ("creative_writing", ["strategy"])
    assert answer["response"]


def label_command(stack: Stack, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pointsman", "label", *arguments]


def ports_of(stack: Stack, environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "POINTSMAN_GATEWAY_PORT": stack.addresses["gateway"].rsplit(":", 1)[1]}


def labels_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f"{json.dumps(prompt)}\n" for prompt in PROMPTS), encoding="utf-8")
    return path


def settled_bill(provider: ProviderProcess) -> int:
    """How many answers were billed, once those that were under way at the kill are."""
    count = -1
    while count != (count := len(provider.bill()["entries"])):
        time.sleep(SETTLING_S)
    return count


def test_labelling_goes_on_where_a_kill_stopped_it(
    client: httpx.Client, stack: Stack, environment: dict[str, str], provider: ProviderProcess, prompts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data" / "category_labels.jsonl"
    command = label_command(stack, "--in", str(prompts), "--out", str(out), "--yes", "--json")
    process = subprocess.Popen(command, env=ports_of(stack, environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + FINISH_S
    while not (out.exists() and out.read_bytes().count(b"\n") >= 5) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    before = labels_in(out)
    assert 5 <= len(before) < len(PROMPTS)
    with out.open("ab") as file:
        file.write(b'{"id": "p59", "prompt": "What is 59 ti')  # as if it had been killed within a line
    paid_before = settled_bill(provider)
    done = subprocess.run(command, env=ports_of(stack, environment), capture_output=True, check=True, timeout=FINISH_S)
    told = json.loads(done.stdout)
    labels = labels_in(out)
    assert labels[: len(before)] == before
    assert sorted(label["id"] for label in labels) == sorted(prompt["id"] for prompt in PROMPTS)
    assert (told["labelled"], told["skipped"], told["failed"]) == (len(PROMPTS) - len(before), len(before), 0)
    assert len(provider.bill()["entries"]) - paid_before == told["labelled"], "what had a label was not paid for again"
    assert {"category": "math", "difficulty": "hard", "complexity": 0.9, "creativity": 0.1, "tags": [], "judge": "judge"}.items() <= labels[
        0
    ].items()


def test_ctrl_c_keeps_what_was_paid_for(stack: Stack, environment: dict[str, str], prompts: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    command = label_command(stack, "--in", str(prompts), "--out", str(out), "--yes")
    process = subprocess.Popen(command, env=ports_of(stack, environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + FINISH_S
    while not (out.exists() and out.read_bytes().count(b"\n") >= 3) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, complained = process.communicate(timeout=FINISH_S)
    assert (process.returncode, "Traceback" in complained) == (1, False)
    assert f"{len(labels_in(out))} labelled into" in printed
    assert "stopped by you" in printed


def test_the_cost_is_shown_before_anything_is_spent(
    client: httpx.Client, stack: Stack, environment: dict[str, str], provider: ProviderProcess, prompts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "labels.jsonl"
    command = label_command(stack, "--in", str(prompts), "--out", str(out), "--limit", "7")
    done = subprocess.run(command, env=ports_of(stack, environment), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, provider.bill()["entries"]) == (2, [])
    assert "7 prompts are to be labelled by judge: at most about $0.000" in done.stderr
    assert "--yes" in done.stderr


def test_what_fails_is_named_and_tried_again(stack: Stack, environment: dict[str, str], prompts: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    command = label_command(stack, "--in", str(prompts), "--out", str(out), "--yes", "--json", "--limit", "3")
    rambling = subprocess.run([*command, "--model", "answers"], env=ports_of(stack, environment), capture_output=True, check=False)
    told = json.loads(rambling.stdout)
    assert (rambling.returncode, told["failed"], out.read_bytes()) == (1, 3, b"")
    assert set(told["failures"].values()) == {"the answer is not what was asked for"}
    again = subprocess.run(command, env=ports_of(stack, environment), capture_output=True, check=True)
    assert (json.loads(again.stdout)["labelled"], len(labels_in(out))) == (3, 3)
