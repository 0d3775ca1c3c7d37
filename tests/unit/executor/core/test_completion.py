"""A request as each candidate gets it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.executor.core.catalog import CatalogVersion
from pointsman.executor.core.completion import ChatRequest, CompletionRequest

DOCUMENT: dict[str, object] = {
    "model": "auto",
    "stream": False,
    "messages": [{"role": "user", "content": "é"}],
    "unknown": {"a": [1, None]},
}


def test_model_and_stream_are_set_and_unknown_fields_pass() -> None:
    sent = json.loads(ChatRequest(DOCUMENT).body("gpt", stream=False))
    assert sent == {**DOCUMENT, "model": "gpt", "stream": False}


def test_stream_always_asks_for_usage_and_keeps_other_options() -> None:
    sent = json.loads(ChatRequest({**DOCUMENT, "stream_options": {"include_usage": False, "x": 1}}).body("gpt", stream=True))
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True, "x": 1})


def test_stream_options_are_not_sent_where_nothing_streams() -> None:
    assert "stream_options" not in json.loads(ChatRequest({"stream_options": {"include_usage": True}}).body("gpt", stream=False))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(st.dictionaries(st.text().filter(lambda name: name != "stream_options"), JSON, max_size=6))
def test_every_other_field_arrives_as_it_was(document: dict[str, object]) -> None:
    sent = json.loads(ChatRequest(document).body("m", stream=False))
    assert sent == {**document, "model": "m", "stream": False}


LIMITS: dict[str, tuple[dict[str, object], int | None]] = {
    "none": ({}, None),
    "max_tokens": ({"max_tokens": 10}, 10),
    "max_completion_tokens first": ({"max_tokens": 10, "max_completion_tokens": 20}, 20),
    "for each choice": ({"max_tokens": 10, "n": 3}, 30),
    "no number": ({"max_tokens": "10"}, None),
    "zero": ({"max_tokens": 0}, None),
}


@pytest.mark.parametrize(("document", "limit"), LIMITS.values(), ids=LIMITS.keys())
def test_output_limit_is_read(document: dict[str, object], limit: int | None) -> None:
    assert ChatRequest(document).max_output_token_count == limit


def test_callers_key_is_not_in_the_repr() -> None:
    request = CompletionRequest(CatalogVersion("e", 1), ("m",), ChatRequest({}), stream=True, caller_api_key="sk-canary")
    assert "sk-canary" not in repr(request)
