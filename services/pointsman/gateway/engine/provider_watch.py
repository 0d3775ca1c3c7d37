"""Keeps the conditions of providers fresh, for as long as the gateway runs."""

import asyncio

from pointsman.gateway import names
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import Executor
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError
from pointsman.kit.logging import Logger

# The executor speaks each second; three of silence mean that it does not.
SILENCE_S = 3.0
WATCH_S = 3_600.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


async def watch_providers(executor: Executor, world: World, log: Logger) -> None:
    """Write what the executor says into the world, for ever. While it is silent, what it said last holds."""
    pause_s = FIRST_PAUSE_S
    was_lost = False
    while True:
        try:
            async with executor.watch_conditions(deadline=Deadline.after(WATCH_S)) as states:
                while True:
                    async with asyncio.timeout(SILENCE_S):
                        world.conditions = await anext(states)
                    world.conditions_known.set()
                    world.are_conditions_stale = False
                    pause_s = FIRST_PAUSE_S
                    if was_lost:
                        was_lost = False
                        log.info(names.CONDITIONS_WATCHED)
        except (ServiceError, TimeoutError, StopAsyncIteration) as error:
            if not was_lost and not isinstance(error, StopAsyncIteration):
                was_lost = world.are_conditions_stale = True
                log.warning(names.CONDITIONS_LOST, reason=getattr(error, "reason", "silence"))
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
