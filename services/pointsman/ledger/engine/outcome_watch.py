"""How well models did, for those who watch: read from the store where it has changed, and held for all of them."""

import asyncio

from pointsman.ledger.core.outcomes import OutcomeStat, OutcomeStats
from pointsman.ledger.core.store import Store


class OutcomeWatch:
    """The sums of outcomes as they were when somebody last asked. Raises ServiceError as the Store port does."""

    def __init__(self, store: Store) -> None:
        """Read nothing yet."""
        self._store = store
        self._reading = asyncio.Lock()
        self._known: dict[tuple[str, str], OutcomeStat] = {}
        self._latest = OutcomeStats(0, ())
        self._ended = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        """True where the service stops."""
        return self._ended.is_set()

    async def read(self) -> OutcomeStats:
        """All sums, equal in identity where nothing has changed; only what has is read."""
        async with self._reading:
            if self._store.outcome_version != self._latest.version:
                changed = await self._store.read_outcomes(after_version=self._latest.version)
                self._known.update({(stat.model_id, stat.category): stat for stat in changed.stats})
                self._latest = OutcomeStats(changed.version, tuple(self._known.values()))
            return self._latest

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the service stops."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return

    def end(self) -> None:
        """Tell the watchers that nothing follows: the service stops."""
        self._ended.set()
