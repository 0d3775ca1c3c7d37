"""Keeps the conditions of providers fresh, for as long as the gateway runs."""

from pointsman.gateway import names
from pointsman.gateway.core.routing import Conditions
from pointsman.gateway.engine.following import follow
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import Executor
from pointsman.kit.logging import Logger


async def watch_providers(executor: Executor, world: World, log: Logger) -> None:
    """Write what the executor says into the world, for ever. While it is silent, what it said last holds."""

    def take(conditions: Conditions) -> None:
        world.conditions = conditions
        world.conditions_known.set()
        world.are_conditions_stale = False

    def on_lost(reason: str) -> None:
        world.are_conditions_stale = True
        log.warning(names.CONDITIONS_LOST, reason=reason)

    await follow(
        lambda deadline: executor.watch_conditions(deadline=deadline),
        take,
        on_lost=on_lost,
        on_back=lambda: log.info(names.CONDITIONS_WATCHED),
    )
