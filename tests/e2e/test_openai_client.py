"""The official OpenAI client against the gateway, and the money that it spent."""

import time

import pytest
from openai import APIError, APIStatusError, OpenAI
from openai.types.chat import ChatCompletionStreamOptionsParam, ChatCompletionUserMessageParam

from tests.e2e.ledger_reader import booked_total_nanousd
from tests.e2e.stack import Stack
from tests.fakes.provider.process import ProviderProcess

SETTLE_TIMEOUT_S = 5


@pytest.fixture
def client(stack: Stack) -> OpenAI:
    return OpenAI(base_url=f"{stack.url}/v1", api_key="anything", max_retries=0, timeout=30)


def ask(prompt: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": prompt}]


def test_chat_names_the_model_that_served(client: OpenAI) -> None:
    with client:
        answer = client.chat.completions.create(model="auto", messages=ask("Write a Python function to sort a list"))
    assert answer.model in {"small", "strong", "second/strong", "tiny-local"}
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


def test_stream_gives_the_text_then_usage_where_asked(client: OpenAI) -> None:
    options: ChatCompletionStreamOptionsParam = {"include_usage": True}
    with client:
        chunks = list(client.chat.completions.create(model="strong", messages=ask("Count"), stream=True, stream_options=options))
    assert {chunk.model for chunk in chunks} == {"strong"}
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    last = chunks[-1]
    assert last.usage is not None
    assert (last.choices, last.usage.completion_tokens) == ([], 60)


def test_unknown_model_is_the_404_that_clients_know(client: OpenAI) -> None:
    with client, pytest.raises(APIStatusError) as refused:
        client.chat.completions.create(model="no-such-model", messages=ask("Hello"))
    assert (refused.value.status_code, refused.value.code) == (404, "model_not_found")


def test_models_lists_real_and_virtual_names(client: OpenAI) -> None:
    with client:
        names = {model.id for model in client.models.list()}
    assert {"auto", "auto:cheap", "small", "second/strong"} <= names


def test_a_truncated_stream_never_looks_finished(client: OpenAI) -> None:
    with client, pytest.raises(APIError):
        list(client.chat.completions.create(model="cuts", messages=ask("Count"), stream=True))


def test_failure_before_content_goes_to_the_next_model(client: OpenAI) -> None:
    with client:
        answer = client.chat.completions.create(model="breaks", messages=ask("Hello"), extra_body={"models": ["breaks", "strong"]})
    assert answer.model == "strong"


def test_the_ledgers_sum_is_the_providers_bill(client: OpenAI, stack: Stack, primary: ProviderProcess, secondary: ProviderProcess) -> None:
    # What a provider bills for an answer that it cut off is not told to anyone, so those before are left out.
    primary.reset()
    secondary.reset()
    before = booked_total_nanousd(stack)
    with client:
        for model in ("small", "strong", "second/strong", "tiny-local"):
            client.chat.completions.create(model=model, messages=ask("How long is a piece of string?"))
            list(client.chat.completions.create(model=model, messages=ask("And two pieces?"), stream=True))
    billed = primary.bill()["total_nanousd"] + secondary.bill()["total_nanousd"]
    assert billed > 0
    give_up_at = time.monotonic() + SETTLE_TIMEOUT_S
    # A settlement that outlasts its budget is booked after the answer, so the sum is awaited.
    while booked_total_nanousd(stack) - before != billed and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert booked_total_nanousd(stack) - before == billed
