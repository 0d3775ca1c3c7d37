"""Token counts."""

import pytest

from pointsman.executor.core.usage import TokenUsage, estimated_token_count, prompt_byte_count, usage_from_openai

USAGES: dict[str, tuple[object, TokenUsage | None]] = {
    "plain": ({"prompt_tokens": 10, "completion_tokens": 5}, TokenUsage(10, 5)),
    "details": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
        TokenUsage(10, 5, 4, 0, 3),
    ),
    "details that are null": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": None,
            "completion_tokens_details": {"reasoning_tokens": None},
        },
        TokenUsage(10, 5),
    ),
    "missing": (None, None),
    "empty": ({}, None),
    "half": ({"prompt_tokens": 10}, None),
    "negative": ({"prompt_tokens": -1, "completion_tokens": 5}, None),
    "absurd": ({"prompt_tokens": 10**18, "completion_tokens": 5}, None),
    "text": ({"prompt_tokens": "10", "completion_tokens": 5}, None),
    "truth value": ({"prompt_tokens": True, "completion_tokens": 5}, None),
    "fraction": ({"prompt_tokens": 1.5, "completion_tokens": 5}, None),
    "more cached than there is": ({"prompt_tokens": 1, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}, None),
    "no object": ([1], None),
}


@pytest.mark.parametrize(("value", "usage"), USAGES.values(), ids=USAGES.keys())
def test_usage_is_believed_where_it_can_be_true(value: object, usage: TokenUsage | None) -> None:
    assert usage_from_openai(value) == usage


@pytest.mark.parametrize(("byte_count", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_estimate_is_bytes_by_four_rounded_up(byte_count: int, tokens: int) -> None:
    assert estimated_token_count(byte_count) == tokens


def test_prompt_counts_texts_in_bytes_and_leaves_images_out() -> None:
    parts = [{"type": "text", "text": "é"}, {"type": "image_url", "image_url": {"url": "data:" + "x" * 1000}}]
    document: dict[str, object] = {"messages": [{"role": "user", "content": parts}], "metadata": {"a": "ignored"}}
    assert prompt_byte_count(document) == len("user") + len("text") + 2 + len("image_url")
