"""Every call in the manual of the router that Pointsman replaces, as it stands there; run on every way to start the product."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Urls:
    """Where the product answers over HTTP."""

    gateway: str
    classifier: str
    registry: str
    dashboard: str


def ask(url: str, body: object = None, *, timeout_s: float = 30.0) -> tuple[int, Any, Mapping[str, str]]:
    """Status, JSON (or text) and headers of the answer: to a POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return answer.status, parsed(answer.read()), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, parsed(error.read()), dict(error.headers)


def parsed(body: bytes) -> Any:
    """JSON where it is."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def try_health(urls: Urls) -> None:
    """Everything says that it is well."""
    assert ask(f"{urls.gateway}/healthz")[:2] == (200, {"ok": True})
    for url in (urls.gateway, urls.classifier, urls.registry, urls.dashboard):
        assert ask(f"{url}/health")[:2] == (200, {"status": "ok"})


def try_classifier(urls: Urls) -> None:
    """What it is, one prompt, several."""
    status, info, _ = ask(f"{urls.classifier}/info")
    assert status == 200
    assert (info["ml_model_available"], info["ml_model"]) == (True, "all-MiniLM-L6-v2")
    assert {"coding", "creative_writing", "analysis", "math", "question", "chat", "general"} <= set(info["categories"])
    assert {"rule-based", "ml-based", "hybrid"} <= set(info["classification_methods"])
    status, judged, _ = ask(f"{urls.classifier}/classify", {"prompt": "Solve x^2 - 5x + 6 = 0"})
    assert (status, judged["category"]) == (200, "math")
    status, several, _ = ask(f"{urls.classifier}/classify/batch", {"prompts": ["Write a haiku about rain", "Fix this Python function"]})
    assert (status, [one["category"] for one in several["results"]]) == (200, ["creative_writing", "coding"])


def try_registry(urls: Urls) -> None:
    """How it is, which models, and a new one."""
    status, state, _ = ask(f"{urls.registry}/status")
    assert (status, state["status"]) == (200, "operational")
    assert state["total_models"] >= state["active_models"] >= 1
    update = {"models": [{"id": "my-model", "provider": "openai", "display_name": "My model", "status": "active"}]}
    status, updated, _ = ask(f"{urls.registry}/update", update)
    assert (status, updated["accepted"]) == (200, 1), updated
    assert ask(f"{urls.registry}/models/my-model")[1]["display_name"] == "My model"
    assert "my-model" in {model["id"] for model in ask(f"{urls.registry}/models")[1]["models"]}
    assert ask(f"{urls.registry}/models/nobody")[0] == 404


def try_route(urls: Urls) -> str:
    """A decision, an answer; the model that answered."""
    body = {"prompt": "Write a Python function to sort a list", "constraints": {"max_cost_usd": 0.05, "max_latency_ms": 60_000}}
    status, decided, headers = ask(f"{urls.gateway}/route", {**body, "mode": "recommend"})
    assert (status, decided["classification"]["category"], decided["degraded"]) == (200, "coding", []), decided
    assert headers["x-pointsman-decision-id"] == decided["decision_id"]
    status, answered, headers = ask(f"{urls.gateway}/route", {**body, "mode": "generate"})
    assert status == 200, answered
    assert answered["response"]
    assert answered["classification"]["cache"] == headers["x-pointsman-cache"] == "hit"
    model: str = answered["selected_model"]
    return model


def try_metrics(urls: Urls, model: str) -> None:
    """How models have been doing."""
    rows = {row["id"]: row for row in ask(f"{urls.gateway}/metrics/models")[1]["models"]}
    assert rows[model]["requests"] >= 1
    status, row, _ = ask(f"{urls.gateway}/metrics/{model}")
    assert (status, row["id"]) == (200, model)
    assert row["latency_ms"]["p50"] is not None
    assert ask(f"{urls.gateway}/metrics/nobody")[0] == 404
    assert ask(f"{urls.gateway}/models")[0] == 200
    assert ask(f"{urls.gateway}/v1/health")[0] == 200


def try_manual(urls: Urls) -> None:
    """All of it."""
    try_health(urls)
    try_classifier(urls)
    try_registry(urls)
    try_metrics(urls, try_route(urls))
    status, page, _ = ask(f"{urls.dashboard}/")
    assert status == 200
    assert "Pointsman" in page
