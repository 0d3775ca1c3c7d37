"""Which providers can be called, as watchers are told."""

import json
from contextlib import AsyncExitStack

from pointsman.api.config.v1 import config_pb2
from pointsman.api.executor.v1 import executor_pb2 as pb
from pointsman.api.executor.v1.executor_pb2_grpc import ExecutorServiceStub
from pointsman.executor.server import SERVICE_NAME
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel
from tests.fakes.provider.process import ProviderProcess
from tests.integration.executor.catalogs import Candidate
from tests.integration.executor.conftest import ExecutorClient, StartExecutor

NOWHERE = "http://127.0.0.1:9"
DEMO = Candidate("demo", provider="demo", kind=config_pb2.PROVIDER_KIND_SCRIPTED, api_key="")


async def test_missing_settings_are_named(start_executor: StartExecutor) -> None:
    catalog = [
        Candidate("a", "https://api.openai.com/v1", "no-key", api_key="env:OPENAI_API_KEY"),
        Candidate("b", "env:AZURE_OPENAI_ENDPOINT", "no-address"),
        Candidate("c", "https://api.anthropic.com", "unspoken", kind=config_pb2.PROVIDER_KIND_ANTHROPIC),
        Candidate("d", "env:OLLAMA_BASE_URL", "ollama", api_key=""),
        Candidate("e", "https://api.openai.com/v1", "with-key"),
    ]
    async with start_executor(catalog, {"OLLAMA_BASE_URL": NOWHERE}) as executor:
        states = await executor.states()
    assert {id_: state.not_callable_reason for id_, state in states.items()} == {
        "no-key": "OPENAI_API_KEY is not set",
        "no-address": "AZURE_OPENAI_ENDPOINT is not set",
        "unspoken": "its kind anthropic is not spoken yet",
        "ollama": "no server answers; start it, or set OLLAMA_BASE_URL to its address",
        "with-key": "",
    }
    assert [id_ for id_, state in states.items() if state.callable] == ["with-key"]


async def test_provider_without_key_is_callable_for_the_models_that_it_lists(
    start_executor: StartExecutor, provider: ProviderProcess
) -> None:
    catalog = [
        Candidate("listed", "env:OLLAMA_BASE_URL", "ollama", upstream="ok", api_key=""),
        Candidate("absent", "env:OLLAMA_BASE_URL", "ollama", upstream="llama3", api_key=""),
    ]
    # Without a path, as people set it.
    async with start_executor(catalog, {"OLLAMA_BASE_URL": provider.base_url.removesuffix("/v1")}) as executor:
        state = (await executor.states())["ollama"]
        served, refused = await executor.complete("listed"), await executor.complete("absent")
    assert state.callable
    assert "ok" in state.listed_upstreams
    assert served.done.finish_reason == "stop"
    assert (refused.kinds, refused.failed.message) == (
        ["failed"],
        "no candidate can be called now: absent: its provider does not list llama3",
    )


async def test_demo_answers_only_while_no_real_provider_can(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    real = Candidate("real", provider.base_url, "real", upstream="ok", api_key="env:REAL_KEY")
    async with start_executor([DEMO, real], demo="auto") as executor:
        assert (await executor.states())["demo"].callable
        answer = await executor.complete("demo", stream=False)
        assert "not a language model" in json.loads(answer.done.body)["choices"][0]["message"]["content"]
        assert b"not" in (await executor.complete("demo")).stream
    async with start_executor([DEMO, real], {"REAL_KEY": "k"}, demo="auto") as executor:
        assert (await executor.states())["demo"].not_callable_reason == "POINTSMAN_DEMO is auto, and a real provider can be called"
        assert (await executor.complete("demo")).failed.reason == "no_healthy_provider"


async def test_watch_sends_changes_at_once_and_counts_calls(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("small", provider.base_url, upstream="ok-20")]) as executor:
        assert (await executor.complete("small")).done.finish_reason == "stop"
        request = pb.WatchProviderStatesRequest()
        async with executor.channel.stream(executor.stub.WatchProviderStates, request, deadline=Deadline.after(5)) as messages:
            first = await anext(messages)
            executor.republish()
            while (second := await anext(messages)).catalog_version.number == 1:
                pass
    (model,) = first.models
    assert (model.model_id, model.breaker, model.availability, model.in_flight_count) == ("small", pb.BREAKER_STATE_CLOSED, 1.0, 0)
    assert model.HasField("time_to_first_token")
    assert second.catalog_version.number == 2


async def test_status_tells_version_and_providers(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("small", provider.base_url, upstream="ok-20")]) as executor:
        status = await get_status(executor)
    assert (status.status.service, status.status.applied_configs[0].version.number) == ("executor", 1)
    assert [state.provider_id for state in status.providers] == ["p"]


async def get_status(executor: ExecutorClient) -> pb.GetStatusResponse:
    return await executor.channel.call(executor.stub.GetStatus, pb.GetStatusRequest(), deadline=Deadline.after(5))


async def test_watches_end_when_the_service_stops(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with AsyncExitStack() as stack:
        async with start_executor([Candidate("small", provider.base_url, upstream="ok-20")], drain_s=10) as executor:
            channel = await stack.enter_async_context(ServiceChannel(executor.address, service=SERVICE_NAME))
            method = ExecutorServiceStub(channel.channel).WatchProviderStates
            watch = channel.stream(method, pb.WatchProviderStatesRequest(), deadline=Deadline.after(30))
            messages = await stack.enter_async_context(watch)
            await anext(messages)
        async for _ in messages:  # raises where the drain had to cut it off
            pass
