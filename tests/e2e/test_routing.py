"""`POST /route` and `pointsman route`, as a new user meets them."""

import json
import subprocess
import sys

import httpx2 as httpx
import pytest

from tests.e2e.stack import Stack

RECOMMENDATION_FIELDS = {
    "request_id", "decision_id", "classification", "recommended_model", "ranking", "excluded", "why", "policy",
    "estimated_tokens", "degraded", "catalog_version", "experiment",
}  # fmt: skip
CLASSIFICATION_FIELDS = {
    "category", "difficulty", "ms", "primary_use_case", "complexity_score", "creativity_score", "domain_confidence", "ml_confidence",
    "classification_method", "category_probabilities", "b", "a", "matched_rules", "nearest_examples", "skills", "unsure", "cache",
    "encoder", "version", "timings_ms",
}  # fmt: skip
CANDIDATE_FIELDS = {
    "rank", "model", "score", "success_probability", "expected_cost_usd", "expected_latency_ms", "terms", "reasons",
}  # fmt: skip


@pytest.fixture
def client(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.url, timeout=30)


@pytest.mark.parametrize(
    ("prompt", "category"),
    [
        ("Write a Python function to sort a list", "coding"),
        ("Write a poem about autumn", "creative_writing"),
        ("What is the integral of x^2?", "math"),
    ],
)
def test_readme_prompts_come_back_with_every_field(client: httpx.Client, prompt: str, category: str) -> None:
    with client:
        answer = client.post("/route", json={"prompt": prompt, "mode": "recommend"})
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() >= RECOMMENDATION_FIELDS
    assert body["classification"].keys() >= CLASSIFICATION_FIELDS
    assert all(candidate.keys() >= CANDIDATE_FIELDS for candidate in body["ranking"])
    assert body["classification"]["category"] == category
    assert body["classification"]["encoder"] == "onnx-int8"
    assert sum(body["classification"]["category_probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert body["degraded"] == []
    assert {"model": "nobody-has-the-key", "reason": "credentials"}.items() <= {
        key: value for row in body["excluded"] if row["model"] == "nobody-has-the-key" for key, value in row.items()
    }.items()


def test_a_decision_can_be_read_again_and_run(client: httpx.Client) -> None:
    with client:
        decided = client.post("/route", json={"prompt": "Name three rivers", "mode": "recommend"}).json()
        run = client.post("/route", json={"prompt": "Name three rivers", "decision_id": decided["decision_id"]}).json()
        stale = client.post("/route", json={"prompt": "Name four rivers", "decision_id": decided["decision_id"]})
        kept = client.get(f"/v1/decisions/{decided['decision_id']}")
    assert run["selected_model"] == decided["recommended_model"]["id"]
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "decision_stale")
    assert kept.status_code == 200


def test_generate_streams_decision_tokens_and_done(client: httpx.Client) -> None:
    with client, client.stream("POST", "/route", json={"prompt": "Write a poem about autumn", "stream": True}) as answer:
        lines = [line for line in answer.iter_lines() if line]
    events = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert (events[0], events[-1]) == ("decision", "done")
    assert set(events[1:-1]) == {"token"}
    assert "".join(part["text"] for part in data[1:-1]) == data[-1]["response"]


def test_the_command_line_shows_the_same_decision(stack: Stack, environment: dict[str, str]) -> None:
    port = stack.addresses["gateway"].rsplit(":", 1)[1]
    command = [sys.executable, "-m", "pointsman", "route", "Write a Python function to sort a list", "--json"]
    printed = subprocess.run(command, env={**environment, "POINTSMAN_GATEWAY_PORT": port}, capture_output=True, check=True).stdout
    assert json.loads(printed)["classification"]["category"] == "coding"


def test_strategy_that_the_classifier_has_no_model_for_is_hybrid_and_told(client: httpx.Client) -> None:
    with client:
        answer = client.post("/route", json={"prompt": "Write a haiku about a keyboard", "mode": "recommend", "strategy": "bert"})
    body = answer.json()
    assert (answer.status_code, body["degraded"]) == (200, ["strategy"])
    assert body["classification"]["encoder"] == "onnx-int8"
