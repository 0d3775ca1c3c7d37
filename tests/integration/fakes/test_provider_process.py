"""The mock provider as a process, spoken to by OpenAI's own client."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack

import openai
import pytest

from tests.fakes.provider.process import ProviderProcess, start_ollama, start_provider

PRICES = {"ok": {"input_picousd": 150_000, "output_picousd": 600_000}}
MESSAGES: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hi there"}]
PROMPT_TOKENS = 9


@pytest.fixture(scope="module")
def process() -> Iterator[ProviderProcess]:
    with start_provider(prices=PRICES) as provider:
        yield provider


@pytest.fixture
def provider(process: ProviderProcess) -> ProviderProcess:
    process.reset()
    return process


@pytest.fixture
def client(provider: ProviderProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=provider.base_url, api_key="sk-canary", max_retries=0, timeout=10) as client:
        yield client


def stream_of(client: openai.OpenAI, model: str) -> tuple[str, str | None, int | None]:
    """Text, finish reason and counted completion tokens."""
    text, finish_reason, count = "", None, None
    with client.chat.completions.create(model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}) as events:
        for event in events:
            for choice in event.choices:
                text += choice.delta.content or ""
                finish_reason = choice.finish_reason or finish_reason
            count = event.usage.completion_tokens if event.usage else count
    return text, finish_reason, count


def test_whole_answer_is_on_the_bill_as_its_usage_says(client: openai.OpenAI, provider: ProviderProcess) -> None:
    answer = client.chat.completions.create(model="ok", messages=MESSAGES)
    assert answer.choices[0].message.content == "t1 t2 t3 t4 t5 t6 t7 t8"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (PROMPT_TOKENS, 8)
    assert provider.bill()["entries"] == [
        {
            "model": "ok",
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": 8,
            "cached_tokens": 0,
            "usage_delivered": True,
            "cost_nanousd": (PROMPT_TOKENS * 150_000 + 8 * 600_000) // 1000,
        }
    ]


def test_stream_says_the_same_as_the_whole_answer(client: openai.OpenAI, provider: ProviderProcess) -> None:
    assert stream_of(client, "ok") == ("t1 t2 t3 t4 t5 t6 t7 t8", "stop", 8)
    assert provider.bill()["entries"][0]["usage_delivered"] is True


@pytest.mark.parametrize(
    ("model", "error", "billed_tokens"),
    [
        ("s_err0", openai.APIConnectionError, None),
        ("s_cut-3", openai.APIConnectionError, 3),
        ("s_cut-3-rst", openai.APIConnectionError, 3),
        ("s_inband", openai.APIError, None),
        ("s_inband-2", openai.APIError, 2),
    ],
)
def test_broken_stream_is_billed_for_what_was_sent(
    client: openai.OpenAI, provider: ProviderProcess, model: str, error: type[Exception], billed_tokens: int | None
) -> None:
    with pytest.raises(error):
        stream_of(client, model)
    billed = [(entry["completion_tokens"], entry["usage_delivered"]) for entry in provider.bill()["entries"]]
    assert billed == ([] if billed_tokens is None else [(billed_tokens, False)])
    assert provider.stats()["hangup_count"] == 0


def test_stream_without_an_end_has_all_its_text(client: openai.OpenAI) -> None:
    assert stream_of(client, "s_nofinish") == ("t1 t2 t3 t4 t5 t6 t7 t8", None, None)


@pytest.mark.parametrize(
    ("model", "status"),
    [("err500", 500), ("err401", 401), ("err403", 403), ("err429-7", 429), ("err400-context", 400), ("unheard-of", 404)],
)
def test_refusal_has_its_status_and_is_not_billed(client: openai.OpenAI, provider: ProviderProcess, model: str, status: int) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=MESSAGES)
    assert caught.value.status_code == status
    assert caught.value.response.headers.get("retry-after") == ("7" if model == "err429-7" else None)
    assert provider.bill()["entries"] == []


@pytest.mark.parametrize("model", ["garbage-usage_missing", "garbage-usage_negative", "garbage-usage_huge", "garbage-usage_string"])
def test_spoilt_usage_is_billed_truly_and_marked(client: openai.OpenAI, provider: ProviderProcess, model: str) -> None:
    client.chat.completions.create(model=model, messages=MESSAGES)
    (entry,) = provider.bill()["entries"]
    assert (entry["completion_tokens"], entry["usage_delivered"]) == (8, False)


def test_caller_who_leaves_a_silent_stream_is_counted(client: openai.OpenAI, provider: ProviderProcess) -> None:
    with client.chat.completions.create(model="s_stall-3", messages=MESSAGES, stream=True) as events:
        texts = [event.choices[0].delta.content for _, event in zip(range(4), events, strict=False)]
    assert "".join(text or "" for text in texts) == "t1 t2 t3"
    await_count(provider, "hangup_count", 1)
    assert provider.stats()["concurrent_count"] == 0


def await_count(provider: ProviderProcess, name: str, value: int) -> None:
    """Read the counter until it has the value; each reading is a round trip to the process."""
    for _ in range(500):
        if provider.stats()[name] == value:
            return
    raise AssertionError(f"{name} did not become {value}: {provider.stats()}")


async def test_late_answer_is_billed_though_its_caller_has_left(provider: ProviderProcess) -> None:
    async with openai.AsyncOpenAI(base_url=provider.base_url, api_key="k", max_retries=0) as client:
        call = asyncio.create_task(client.chat.completions.create(model="late-60", messages=MESSAGES))
        await asyncio.to_thread(await_count, provider, "concurrent_count", 1)
        call.cancel()
        await asyncio.to_thread(await_count, provider, "hangup_count", 1)
    (entry,) = provider.bill()["entries"]
    assert (entry["completion_tokens"], entry["usage_delivered"]) == (8, False)


def test_redirect_is_counted_where_it_is_followed(client: openai.OpenAI, provider: ProviderProcess) -> None:
    client.chat.completions.create(model="redir", messages=MESSAGES)
    assert provider.stats()["redirect_hit_count"] == 1


def test_credential_is_kept_as_its_hash_alone(client: openai.OpenAI, provider: ProviderProcess) -> None:
    client.models.list()
    stats = provider.stats()
    assert stats["authorization_sha256s"] == [hashlib.sha256(b"Bearer sk-canary").hexdigest()]
    assert "sk-canary" not in str(stats)


def test_model_behaves_as_it_is_told_while_running(client: openai.OpenAI, provider: ProviderProcess) -> None:
    provider.set_models({"gpt-x": "ok-2"})
    assert stream_of(client, "gpt-x")[0] == "t1 t2"
    assert "gpt-x" in [model.id for model in client.models.list()]
    provider.set_models({"gpt-x": "err500"})
    with pytest.raises(openai.InternalServerError):
        stream_of(client, "gpt-x")


def test_it_comes_back_on_the_same_port_after_its_death() -> None:
    first = start_provider()
    first.kill()
    with start_provider(port=first.port) as second:
        assert second.base_url == first.base_url
        assert second.bill()["total_nanousd"] == 0


def test_it_ends_with_the_process_that_started_it() -> None:
    with start_provider() as provider:
        assert provider.popen.stdin is not None
        provider.popen.stdin.close()
        assert provider.popen.wait(timeout=10) == 0


def test_ollama_lists_what_was_pulled_and_takes_a_bare_name_for_its_latest() -> None:
    with ExitStack() as stack:
        ollama = stack.enter_context(start_ollama(models={"phi3:latest": "ok-3", "llama3:8b": "ok"}))
        client = stack.enter_context(openai.OpenAI(base_url=ollama.base_url, api_key="ollama", max_retries=0, timeout=10))
        assert [model.id for model in client.models.list()] == ["phi3:latest", "llama3:8b"]
        for name in ("phi3", "phi3:latest"):
            assert client.chat.completions.create(model=name, messages=MESSAGES).choices[0].message.content == "t1 t2 t3"
        for name in ("llama3", "ok"):
            with pytest.raises(openai.NotFoundError, match="not found"):
                client.chat.completions.create(model=name, messages=MESSAGES)


def test_every_chunk_but_the_last_has_an_empty_usage_where_usage_was_asked_for(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="ok", messages=MESSAGES, stream=True, stream_options={"include_usage": True}) as events:
        chunks = list(events)
    assert ["usage" in chunk.model_fields_set for chunk in chunks] == [True] * len(chunks)
    assert [chunk.usage is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    with client.chat.completions.create(model="ok", messages=MESSAGES, stream=True) as events:
        assert not any("usage" in chunk.model_fields_set for chunk in events)


def test_judge_judges_within_what_it_is_allowed(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="judge-math-5", messages=MESSAGES).choices[0]
    assert json.loads(whole.message.content or "") == {"category": "math", "difficulty": "hard", "complexity": 0.9, "creativity": 0.1}
    cut = client.chat.completions.create(model="judge-creative_writing", messages=MESSAGES, max_tokens=2).choices[0]
    assert (cut.message.content, cut.finish_reason) == ('{"category": "creative_writing",', "length")
