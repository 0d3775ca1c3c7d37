"""Keeps what became of earlier answers fresh, for as long as the gateway runs."""

from pointsman.gateway import names
from pointsman.gateway.core.outcomes import Outcomes
from pointsman.gateway.engine.following import follow
from pointsman.gateway.engine.world import World
from pointsman.gateway.outcome_ports import OutcomeLedger
from pointsman.kit.logging import Logger


async def watch_outcomes(ledger: OutcomeLedger, world: World, log: Logger) -> None:
    """Write what the ledger says into the world, for ever. While it is silent, what it said last holds: it is never far off."""

    def take(outcomes: Outcomes) -> None:
        world.outcomes = outcomes

    await follow(
        lambda deadline: ledger.watch_outcomes(deadline=deadline),
        take,
        on_lost=lambda reason: log.warning(names.OUTCOMES_LOST, reason=reason),
        on_back=lambda: log.info(names.OUTCOMES_WATCHED),
    )
