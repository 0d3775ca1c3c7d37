"""The REST facade over real HTTP, with the real encoder."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pointsman.classifier.server import serve
from pointsman.classifier.settings import ClassifierSettings
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from tests.integration.classifier.test_service import settings_for

PROMPT = "Write a Python function to sort a list"
FIELDS = {
    *("category", "difficulty", "ms", "primary_use_case", "complexity_score", "creativity_score", "domain_confidence", "ml_confidence"),
    *("classification_method", "category_probabilities", "b", "a", "matched_rules", "nearest_examples", "cache", "encoder", "version"),
    *("skills", "timings_ms", "unsure"),
}


@dataclass
class Client:
    """A caller of one running facade."""

    session: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.session.get(path, headers=headers) as answer:
            content = await answer.text()
            return answer.status, json.loads(content) if answer.content_type == "application/json" else content

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(path, data=io.BytesIO(data), headers={"content-type": "application/json", **headers}) as answer:
            assert answer.headers["x-request-id"]
            return answer.status, await answer.json()


@asynccontextmanager
async def running(settings: ClassifierSettings) -> AsyncIterator[Client]:
    async with serve(settings) as addresses, aiohttp.ClientSession(f"http://{addresses['classifier_rest']}") as session:
        yield Client(session)


@pytest.fixture
async def client(var_dir: Path) -> AsyncIterator[Client]:
    async with running(settings_for(var_dir)) as started:
        yield started


async def test_prompt_comes_back_with_every_field(client: Client) -> None:
    status, found = await client.post("/classify", {"prompt": PROMPT})
    assert status == 200
    assert set(found) == FIELDS
    assert found["category"] == found["primary_use_case"] == "coding"
    assert found["difficulty"] in {"easy", "medium", "hard"}
    assert found["classification_method"] in {"rule-based", "ml-based", "hybrid"}
    assert set(found["category_probabilities"]) == set(BUILT_IN_CATEGORIES)
    assert sum(found["category_probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert set(found["nearest_examples"][0]) == {"text", "category", "similarity"}
    assert set(found["timings_ms"]) == {"tokenize", "queue", "embed", "total"}
    assert found["ms"] == found["timings_ms"]["total"] >= found["timings_ms"]["embed"] > 0
    assert (found["cache"], found["encoder"]) == ("miss", "onnx-int8")


async def test_second_answer_comes_from_the_cache(client: Client) -> None:
    (_, made), (_, found) = [await client.post("/classify", {"prompt": PROMPT}) for _ in range(2)]
    times = {"ms", "timings_ms", "cache"}
    assert (made["cache"], found["cache"]) == ("miss", "hit")
    assert {name: value for name, value in made.items() if name not in times} == {
        name: value for name, value in found.items() if name not in times
    }
    assert found["timings_ms"]["embed"] == 0


async def test_rules_alone_have_neither_encoder_nor_examples(client: Client) -> None:
    _, found = await client.post("/classify", {"prompt": PROMPT, "strategy": "rules"})
    assert set(found) == FIELDS
    assert (found["classification_method"], found["encoder"], found["ml_confidence"], found["nearest_examples"]) == (
        *("rule-based", None, None),
        [],
    )
    assert found["cache"] == "off"


async def test_batch_is_answered_in_its_order(client: Client) -> None:
    status, found = await client.post("/classify/batch", {"prompts": [PROMPT, "Write a poem about the sea"] * 32})
    assert status == 200
    assert [one["category"] for one in found["results"]] == ["coding", "creative_writing"] * 32
    assert set(found["results"][0]) == FIELDS


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param"),
    [
        pytest.param("/classify", {"prompt": "x", "extra": 1}, 400, "unknown_field", None, id="unknown field"),
        pytest.param("/classify", {}, 400, "invalid_value", "prompt", id="no prompt"),
        pytest.param("/classify", {"prompt": ""}, 400, "invalid_value", "prompt", id="empty prompt"),
        pytest.param("/classify", {"prompt": "x" * 1_000_001}, 400, "context_length_exceeded", "prompt", id="long prompt"),
        pytest.param("/classify", b"", 400, "invalid_json", None, id="no body"),
        pytest.param("/classify", b"null", 400, "invalid_value", None, id="null"),
        pytest.param("/classify", b'{"prompt": "x", "prompt": "y"}', 400, "invalid_json", None, id="the same key twice"),
        pytest.param("/classify", b'{"prompt": NaN}', 400, "invalid_json", None, id="NaN"),
        pytest.param("/classify", b'{"prompt": "\\ud800"}', 400, "invalid_value", None, id="half of a surrogate pair"),
        pytest.param("/classify", b'{"prompt": "\xff"}', 400, "invalid_json", None, id="not UTF-8"),
        pytest.param("/classify", b"[" * 1_000, 400, "invalid_json", None, id="deep"),
        pytest.param("/classify", b'{"prompt": "x', 400, "invalid_json", None, id="cut off"),
        pytest.param("/classify", b" " * ((4 << 20) + 1), 413, "body_too_large", None, id="large body"),
        pytest.param("/classify/batch", {"prompts": []}, 400, "invalid_value", "prompts", id="empty batch"),
        pytest.param("/classify/batch", {"prompts": ["x"] * 65}, 400, "invalid_value", "prompts", id="large batch"),
        pytest.param("/classify/batch", {"prompts": ["x", ""]}, 400, "invalid_value", "prompts[1]", id="empty prompt in a batch"),
        pytest.param("/classifier", {}, 404, "route_not_found", None, id="unknown path"),
        pytest.param("/info", {}, 405, "method_not_allowed", None, id="wrong method"),
    ],
)
async def test_what_cannot_be_taken_is_refused_in_the_usual_shape(
    client: Client, path: str, body: object, status: int, code: str, param: str | None
) -> None:
    answered, answer = await client.post(path, body)
    assert (answered, answer["error"]["code"], answer["error"]["param"]) == (status, code, param)
    assert set(answer["error"]) == {"message", "type", "param", "code", "source", "provider"}
    assert "xx" not in answer["error"]["message"]


async def test_info_tells_what_it_is_made_of(client: Client) -> None:
    status, info = await client.get("/info")
    assert status == 200
    assert set(info.pop("categories")) >= set(BUILT_IN_CATEGORIES)
    assert info.pop("version")
    assert info.pop("artifact")
    assert info == {
        "service": "classifier",
        "ml_model_available": True,
        "ml_model": "all-MiniLM-L6-v2",
        "classification_methods": ["rule-based", "ml-based", "hybrid"],
        "encoder": "onnx-int8",
        "device": "cpu",
    }


async def test_health_metrics_and_description_are_there(client: Client) -> None:
    assert await client.get("/health") == (200, {"status": "ok"})
    assert await client.get("/livez") == (200, {"ok": True})
    assert await client.get("/readyz") == (200, {"ok": True})
    assert (await client.get("/docs"))[0] == 200
    _, schema = await client.get("/openapi.json")
    assert {"/classify", "/classify/batch", "/info"} <= set(schema["paths"])
    assert set(schema["components"]["schemas"]["ClassificationShape"]["required"]) == FIELDS


async def test_metrics_count_what_was_done(client: Client) -> None:
    for _ in range(2):
        await client.post("/classify", {"prompt": PROMPT})
    _, metrics = await client.get("/metrics")
    lines = set(metrics.splitlines())
    assert 'pointsman_cache_events_total{cache="memory",event="hit"} 1.0' in lines
    assert 'pointsman_cache_events_total{cache="memory",event="miss"} 1.0' in lines
    assert 'pointsman_cache_events_total{cache="memory",event="error"} 0.0' in lines
    assert "pointsman_queue_depth 0.0" in lines
    assert 'pointsman_config_version{kind="classification"} 0.0' in lines
    assert 'pointsman_classification_confidence_count{category="coding"} 2.0' in lines
    assert any(line.startswith("pointsman_classification_seconds_count") and 'cache="hit"' in line for line in lines)
    assert 'http_route="/classify"' in metrics
    assert not any(line.startswith("pointsman_degraded{") for line in lines)
    assert "sort a list" not in metrics


async def test_service_token_is_asked_for_where_there_is_one(var_dir: Path) -> None:
    async with running(settings_for(var_dir, service_token="pm-service-canary")) as client:
        status, answer = await client.post("/classify", {"prompt": PROMPT})
        assert (status, answer["error"]["code"]) == (401, "invalid_api_key")
        assert (await client.get("/info"))[0] == 401
        status, found = await client.post("/classify", {"prompt": PROMPT}, authorization="Bearer pm-service-canary")
        assert (status, found["category"]) == (200, "coding")
        assert (await client.get("/health"))[0] == 200
