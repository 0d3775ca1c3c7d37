"""Ollama is found by itself, whenever it starts, and lost when it ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pointsman.executor.adapters.http_provider import HttpProviders
from pointsman.executor.adapters.references import References
from pointsman.executor.core.callability import DemoMode
from pointsman.executor.core.catalog import Catalog, CatalogVersion, Model, Provider, ProviderKind
from pointsman.executor.core.fleet import Fleet
from pointsman.executor.core.providers.spoken import TRANSLATORS
from pointsman.executor.engine.provider_states import Intervals, ProviderState, ProviderStates
from pointsman.kit.background import in_background
from pointsman.kit.logging import get_logger
from tests.fakes.provider.process import start_ollama
from tests.integration.executor.catalogs import Candidate
from tests.integration.executor.conftest import StartExecutor

OLLAMA = Provider("ollama", ProviderKind.OPENAI, "env:OLLAMA_BASE_URL", allow_private_address=True)
CATALOG = Catalog(CatalogVersion("e", 1), {"ollama": OLLAMA}, {"phi3": Model("phi3", "ollama", "phi3")})
SOON = Intervals(answering_s=0.05, away_s=0.05, suspect_s=0.05)


def free_port() -> int:
    with start_ollama() as ollama:
        return ollama.port


@asynccontextmanager
async def watched_states(base_url: str) -> AsyncIterator[ProviderStates]:
    """States of a catalogue with Ollama alone."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(HttpProviders(References({"OLLAMA_BASE_URL": base_url})))
        states = ProviderStates(
            callers={ProviderKind.OPENAI: http},
            translators=TRANSLATORS,
            fleet=Fleet(),
            demo=DemoMode.FALSE,
            now=time.monotonic,
            wall_time=time.time,
            log=get_logger("test"),
            intervals=SOON,
        )
        states.apply(CATALOG)
        await stack.enter_async_context(in_background(states.run()))
        await states.probed()
        yield states


async def until_callable(states: ProviderStates, *, expected: bool) -> ProviderState:
    """The state, once it is as expected."""
    async with asyncio.timeout(20):
        while True:
            changed = states.next_change()
            (state,) = states.all
            if (state.callability.reason is None) is expected:
                return state
            await changed.wait()


async def test_ollama_that_starts_later_is_found_and_one_that_ends_is_lost() -> None:
    port = free_port()
    async with watched_states(f"http://127.0.0.1:{port}") as states:
        away = await until_callable(states, expected=False)
        assert away.check_time_s is not None
        assert away.callability.reason == "no server answers; start it, or set OLLAMA_BASE_URL to its address"
        with start_ollama(port=port) as ollama:
            there = await until_callable(states, expected=True)
            assert there.callability.listed == frozenset({"phi3:latest"})
            assert states.refusal_of(OLLAMA, CATALOG.models["phi3"], with_own_key=True) is None
            ollama.set_models({"llama3:8b": "ok"})
            async with asyncio.timeout(20):
                while states.all[0].callability.listed != frozenset({"phi3:latest", "llama3:8b"}):
                    await states.next_change().wait()
        gone = await until_callable(states, expected=False)
    assert away.check_time_s < (there.check_time_s or 0) < (gone.check_time_s or 0)


async def test_model_is_called_by_its_bare_name_without_any_key(start_executor: StartExecutor) -> None:
    with start_ollama() as ollama:
        catalog = [
            Candidate("phi3", "env:OLLAMA_BASE_URL", "ollama", api_key=""),
            Candidate("tagged", "env:OLLAMA_BASE_URL", "ollama", upstream="phi3:latest", api_key=""),
            Candidate("absent", "env:OLLAMA_BASE_URL", "ollama", upstream="phi3:medium", api_key=""),
        ]
        async with start_executor(catalog, {"OLLAMA_BASE_URL": f"http://127.0.0.1:{ollama.port}/"}) as executor:
            state = (await executor.states())["ollama"]
            served = [(await executor.complete(model)).done.finish_reason for model in ("phi3", "tagged")]
            refused = await executor.complete("absent")
        headers = ollama.stats()["last_headers"]
    assert (state.callable, list(state.listed_upstreams), served) == (True, ["phi3", "phi3:latest"], ["stop", "stop"])
    assert state.check_time.ToSeconds() > 0
    assert refused.kinds == ["failed"]
    assert "authorization" not in headers


async def test_ollama_whose_calls_are_refused_is_lost_before_its_next_listing_is_due(start_executor: StartExecutor) -> None:
    with start_ollama() as ollama:
        catalog = [Candidate("phi3", ollama.base_url, "ollama", api_key="")]
        async with start_executor(catalog) as executor:
            assert (await executor.complete("phi3")).done.finish_reason == "stop"
            ollama.stop()
            assert (await executor.complete("phi3", max_attempts=1)).failed.reason == "provider_error"
            async with asyncio.timeout(20):
                while (await executor.states())["ollama"].callable:
                    pass
            refused = await executor.complete("phi3")
    assert (refused.kinds, "no server answers" in refused.failed.message) == (["failed"], True)
