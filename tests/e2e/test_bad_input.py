"""Bad input gets the code it deserves, and nothing of it comes back."""

import httpx2 as httpx
import pytest

from tests.e2e.stack import Stack

CANARY = "canary-7f3a"
JSON = {"content-type": "application/json"}
MESSAGES = f'[{{"role": "user", "content": "{CANARY}"}}]'

BAD_BODIES = [
    pytest.param("/route", b'{"prompt": ""}', JSON, 400, "invalid_value", id="empty-prompt"),
    pytest.param("/route", f'{{"prompt": "{CANARY}'.encode(), JSON, 400, "invalid_json", id="broken-json"),
    pytest.param("/route", b"", JSON, 400, "invalid_json", id="no-body"),
    pytest.param("/route", f'{{"prompt": ["{CANARY}"]}}'.encode(), JSON, 400, "invalid_value", id="wrong-type"),
    pytest.param("/route", f'{{"prompt": "a", "{CANARY}": 1}}'.encode(), JSON, 400, "unknown_field", id="unknown-field"),
    pytest.param("/route", b'{"prompt": "a", "temperature": NaN}', JSON, 400, "invalid_json", id="nan"),
    pytest.param("/route", b'{"prompt": "a", "prompt": "b"}', JSON, 400, "invalid_json", id="duplicate-key"),
    pytest.param("/route", b'{"prompt": "\\ud800"}', JSON, 400, "invalid_value", id="lone-surrogate"),
    pytest.param("/route", b"[" * 100_000, JSON, 400, "invalid_json", id="deep"),
    pytest.param("/route", b'{"prompt": "a", "policy": 1.5}', JSON, 400, "invalid_value", id="policy-out-of-range"),
    pytest.param("/route", b'{"prompt": "a"}', {"content-type": "text/plain"}, 415, "unsupported_media_type", id="content-type"),
    pytest.param("/route", b"x", {**JSON, "content-encoding": "gzip"}, 415, "unsupported_media_type", id="content-encoding"),
    pytest.param("/route", b'{"prompt": "' + b"a" * (4 << 20) + b'"}', JSON, 413, "body_too_large", id="body-too-large"),
    pytest.param("/route", b'{"prompt": "' + b"a" * 1_000_001 + b'"}', JSON, 400, "context_length_exceeded", id="prompt-too-long"),
    pytest.param("/route", b'{"prompt": "a", "model": "no-such-model"}', JSON, 404, "model_not_found", id="unknown-model"),
    pytest.param("/v1/chat/completions", b'{"model": "auto"}', JSON, 400, "invalid_value", id="no-messages"),
    pytest.param(
        "/v1/chat/completions", f'{{"model": "auto", "messages": {MESSAGES}, "n": 1000}}'.encode(), JSON, 400, "invalid_value", id="n"
    ),
    pytest.param(
        "/v1/chat/completions",
        f'{{"model": "auto", "messages": {MESSAGES}, "api_base": "http://x"}}'.encode(),
        JSON,
        400,
        "unknown_field",
        id="control-field",
    ),
]


@pytest.fixture
def client(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.url, timeout=30)


@pytest.mark.parametrize(("path", "body", "headers", "status", "code"), BAD_BODIES)
def test_refused_with_its_code_and_no_echo(
    client: httpx.Client, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    with client:
        answer = client.post(path, content=body, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error.keys() == {"message", "type", "param", "code", "source", "provider"}
    assert answer.headers["x-should-retry"] == "false"
    assert CANARY not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"), [("GET", "/nowhere", 404, "route_not_found"), ("GET", "/route", 405, "method_not_allowed")]
)
def test_unknown_places_answer_in_the_same_shape(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    with client:
        answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    "prompt",
    ["a" * 999_000, "\U0001f469\u200d\U0001f4bb" * 100_000, " " * 500_000 + "x", "e\u0301" * 300_000, "nul \x00 \x07"],
    ids=["one-word", "joined-emoji", "spaces", "combining-marks", "controls"],
)
def test_odd_prompts_are_routed(client: httpx.Client, prompt: str) -> None:
    with client:
        answer = client.post("/route", json={"prompt": prompt, "mode": "recommend"})
    assert answer.status_code == 200


def test_all_is_still_well_and_nothing_was_logged(client: httpx.Client, stack: Stack) -> None:
    with client:
        assert client.get("/health").json() == {"status": "ok"}
        client.post("/route", json={"prompt": CANARY, "mode": "recommend"})
    assert CANARY not in stack.logs()
