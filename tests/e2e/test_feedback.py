"""What people think of answers changes who answers, within bounds, and is not forgotten."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.e2e.conftest import CATALOG, PRIMARY_PRICES, SECONDARY_PRICES
from tests.e2e.stack import Process, Stack, product_environment, start_services
from tests.fakes.provider.process import start_provider

PROMPT = "Write a Python function to sort a list"
ANSWERS = 40
# Outcomes are told each second.
LEARNT_WITHIN_S = 10.0


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, str]]:
    with start_provider(prices=PRIMARY_PRICES) as primary, start_provider(prices=SECONDARY_PRICES) as secondary:
        providers = {
            "PRIMARY_BASE_URL": primary.base_url,
            "PRIMARY_KEY": "primary-key",
            "SECONDARY_BASE_URL": secondary.base_url,
            "SECONDARY_KEY": "secondary-key",
        }
        yield product_environment(tmp_path, CATALOG, providers)


@pytest.fixture
def stack(tmp_path: Path, settings: dict[str, str]) -> Iterator[Stack]:
    running = start_services(tmp_path, settings)
    yield running
    running.stop()


def ask(stack: Stack, **fields: object) -> dict[str, Any]:
    answer = httpx.post(f"{stack.url}/route", json={"prompt": PROMPT, **fields}, timeout=30)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def judge(stack: Stack, **fields: object) -> httpx.Response:
    return httpx.post(f"{stack.url}/v1/feedback", json=fields, timeout=30)


def recommended(stack: Stack) -> dict[str, dict[str, Any]]:
    """Every candidate by its id."""
    return {row["model"]["id"]: row for row in ask(stack, mode="recommend")["ranking"]}


def await_learnt(stack: Stack, version: int) -> dict[str, dict[str, Any]]:
    """The candidates, once outcomes of that version or a later one have shaped them."""
    give_up_at_s = time.monotonic() + LEARNT_WITHIN_S
    while time.monotonic() < give_up_at_s:
        rows = recommended(stack)
        if int(rows["small"]["sources"].get("outcomes_version", "0")) >= version:
            return rows
        time.sleep(0.1)
    raise AssertionError(f"version {version} did not come: {rows['small']['sources']}")


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def test_bad_grades_lower_a_models_success_within_bounds_and_for_good(stack: Stack, settings: dict[str, str]) -> None:
    first = ask(stack, mode="recommend")
    before = recommended(stack)
    assert before["small"]["sources"]["success"] == "ability"
    for number in range(ANSWERS):
        answer = ask(stack, model="small")
        subject = {"request_id": answer["request_id"]} if number % 2 else {"decision_id": answer["decision_id"]}
        judged = judge(stack, **subject, rating=1, feedback="It does not sort.")
        assert (judged.status_code, judged.json()["recorded"]) == (200, True)
    # From 1, one for each answer and one for each grade.
    after = await_learnt(stack, 1 + 2 * ANSWERS)
    small = after["small"]
    fall = logit(before["small"]["success_probability"]) - logit(small["success_probability"])
    judgement = first["classification"]
    assert fall == pytest.approx(judgement["a"] * judgement["category_probabilities"]["coding"], abs=0.02), "one logit at most"
    assert small["sources"]["success"] == "ability+outcomes"
    assert (small["expected_output_tokens"], small["sources"]["output_tokens"]) == (20, "category_median")
    assert any("by graded answers" in reason for reason in small["reasons"])
    assert after["strong"]["success_probability"] == before["strong"]["success_probability"], "nobody judged it"
    assert stack.logs().count("does not sort") == 0

    targets = stack.targets
    assert judge(stack, request_id="req_unknown", rating=1).status_code == 404
    stack.processes["ledger"].stop()
    assert judge(stack, request_id=answer["request_id"], rating=5).status_code == 503
    assert recommended(stack)["small"]["success_probability"] == small["success_probability"], "the last word holds"
    port = targets["POINTSMAN_LEDGER_TARGET"].rpartition(":")[2]
    stack.processes["ledger"] = Process.start("ledger", {**settings, "POINTSMAN_LEDGER_PORT": port}, stack.folder)
    stack.processes["gateway"].stop()
    stack.processes["gateway"] = Process.start("gateway", {**settings, **targets}, stack.folder)
    again = await_learnt(stack, 1 + 2 * ANSWERS)
    assert again["small"]["success_probability"] == small["success_probability"], "the ledger remembers"
    assert again["small"]["sources"] == small["sources"]
