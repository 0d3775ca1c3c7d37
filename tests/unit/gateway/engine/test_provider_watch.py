"""The gateway knows what can be called before it takes the first request."""

import asyncio

from pointsman.gateway.core.routing import Conditions, ProviderCondition
from pointsman.gateway.engine.provider_watch import watch_providers
from pointsman.gateway.engine.world import World
from pointsman.kit.background import in_background
from pointsman.kit.logging import get_logger
from tests.fakes.gateway_services import FakeExecutor

NO_KEY = Conditions(providers={"openai": ProviderCondition(callable=False, reason="OPENAI_API_KEY is not set")})


async def test_the_first_word_of_the_executor_is_in_force_and_known() -> None:
    world = World()
    executor = FakeExecutor(conditions=[NO_KEY])
    assert not world.conditions_known.is_set()
    async with in_background(watch_providers(executor, world, get_logger("test"))), asyncio.timeout(5):
        await world.conditions_known.wait()
    assert world.conditions == NO_KEY
