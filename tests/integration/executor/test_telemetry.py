"""What the executor tells machines of itself: metrics, health, spans."""

import asyncio

import pytest

from pointsman.kit.tracing import bind_traceparent
from tests.fakes.provider.process import ProviderProcess
from tests.fakes.trace_collector import trace_collector
from tests.integration.executor.catalogs import Candidate
from tests.integration.executor.conftest import CHAT, ExecutorClient, StartExecutor
from tests.integration.scrape import get, scrape

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
SMALL = 'gen_ai_operation_name="chat",gen_ai_provider_name="p",gen_ai_request_model="small"'
CLIENT = 3  # OpenTelemetry's SPAN_KIND_CLIENT


async def applied(executor: ExecutorClient) -> None:
    """Wait until the version that was published last is in use."""
    async with asyncio.timeout(20):
        while (await scrape(executor.rest_address))['pointsman_config_version{kind="catalog"}'] != executor.version:
            pass


async def test_calls_are_counted_by_model_and_provider(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    catalog = [Candidate("small", provider.base_url, upstream="ok-20"), Candidate("bad", provider.base_url, upstream="err400-context")]
    async with start_executor(catalog) as executor:
        for model in ("small", "small", "bad"):
            await executor.complete(model)
        samples = await scrape(executor.rest_address)
    assert samples[f'gen_ai_client_operation_duration_seconds_count{{error_type="",{SMALL}}}'] == 2
    assert samples[f"gen_ai_client_operation_time_to_first_chunk_seconds_count{{{SMALL}}}"] == 2
    # The order of labels is the exposition's own.
    tokens = {series: value for series, value in samples.items() if series.startswith("gen_ai_client_token_usage_sum")}
    assert sorted(tokens.values()) == [18, 40]
    failed = [series for series in samples if 'error_type="context_length_exceeded"' in series and 'gen_ai_request_model="bad"' in series]
    assert failed
    assert samples['pointsman_breaker_state{model="small",provider="p"}'] == 0
    assert samples['pointsman_provider_callable{provider="p"}'] == 1
    assert samples["pointsman_queue_depth"] == 0
    assert samples['rpc_server_duration_seconds_count{outcome="ok",rpc_method="StreamCompletion"}'] == 3


async def test_open_breaker_and_retries_are_told(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("small", provider.base_url, upstream="err500")]) as executor:
        for _ in range(2):
            await executor.complete("small")
        samples = await scrape(executor.rest_address)
    assert samples['pointsman_breaker_state{model="small",provider="p"}'] == 2
    assert samples['pointsman_retries_total{model="small",provider="p"}'] >= 2


async def test_series_of_a_model_that_left_the_catalogue_are_gone(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    catalog = [Candidate("small", provider.base_url, upstream="ok"), Candidate("other-one", provider.base_url, upstream="ok")]
    async with start_executor(catalog) as executor:
        assert (await executor.complete("small")).done.finish_reason == "stop"
        executor.republish(catalog[1:])
        await applied(executor)
        samples = await scrape(executor.rest_address)
    assert not [series for series in samples if '"small"' in series]
    assert 'pointsman_breaker_state{model="other-one",provider="p"}' in samples


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), ("/elsewhere", 404)])
async def test_health_is_told(start_executor: StartExecutor, provider: ProviderProcess, path: str, status: int) -> None:
    async with start_executor([Candidate("small", provider.base_url)]) as executor:
        assert (await get(executor.rest_address, path))[0] == status


async def test_call_is_a_client_span_that_holds_no_prompt_key_or_path(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    catalog = [Candidate("org/small", provider.base_url, upstream="ok-20"), Candidate("bad", provider.base_url, "q", upstream="err500")]
    with trace_collector() as (collector, endpoint):
        async with start_executor(catalog, otlp_endpoint=endpoint) as executor:
            with bind_traceparent(TRACEPARENT):
                assert (await executor.complete("bad", "org/small")).done.finish_reason == "stop"
        spans = {span.name: span for span in collector.spans}
        raw = b"".join(collector.raw)
    served, failed = spans["chat org/small"], spans["chat bad"]
    assert {span.trace_id.hex() for span in (served, failed)} == {"a" * 32}
    assert {span.kind for span in (served, failed)} == {CLIENT}
    assert served.attributes | {"gen_ai.response.time_to_first_chunk": 0} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "p",
        "gen_ai.request.model": "org/small",
        "gen_ai.request.stream": True,
        "server.address": "127.0.0.1",
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.response.time_to_first_chunk": 0,
        "pointsman.attempt.number": 2,
        "http.response.status_code": 200,
    }
    assert (failed.attributes["error.type"], failed.attributes["http.response.status_code"]) == ("provider_error", 500)
    assert not [canary for canary in (b"Hello there", b"operator-key", b"/v1") if canary in raw]
    assert "traceparent" not in provider.stats()["last_headers"]


async def test_metrics_hold_no_prompt_and_no_key(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("small", provider.base_url, upstream="ok")]) as executor:
        await executor.complete("small", body=CHAT.replace(b"Hello", b"canary-prompt"), caller_api_key="canary-key")
        _, body = await get(executor.rest_address, "/metrics")
    assert "canary" not in body
    assert "operator-key" not in body
