"""Expires spends that nobody settled: one task, which sleeps until the next one's time or a nearer one."""

import asyncio
import time
from collections.abc import Callable, Sequence

from pointsman.kit.errors import ServiceError
from pointsman.kit.logging import Logger
from pointsman.ledger import names
from pointsman.ledger.core.booking import expire_spends
from pointsman.ledger.core.expiry import ExpiryQueue
from pointsman.ledger.core.store import Store
from pointsman.ledger.engine.metrics import LedgerMetrics

NS_PER_S = 1_000_000_000
MAX_TIME_TO_LIVE_S = 3_600.0
BATCH = 256
# Pause after a write that did not succeed.
RETRY_S = 1.0


class ExpiryTimer:
    """Knows which spends are open. `run` has to run beside it.

    Within one process a spend expires by the monotonic clock, so a wall clock that jumps changes nothing;
    the wall clock's time is only what a restarted ledger has to go by, and bounded by the longest time to live.
    """

    def __init__(
        self,
        store: Store,
        *,
        metrics: LedgerMetrics,
        log: Logger,
        now_s: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """now_s: the monotonic clock. now_ns: the wall clock, nanoseconds since 1970."""
        self._store = store
        self._metrics = metrics
        self._log = log
        self._now_s = now_s
        self._now_ns = now_ns
        self._queue = ExpiryQueue()
        self._sooner = asyncio.Event()

    def watch(self, spend_id: str, time_to_live_s: float) -> None:
        """Expire the spend so many seconds from now, unless it is closed before."""
        at_s = self._now_s() + time_to_live_s
        next_at_s = self._queue.next_at_s()
        self._queue.add(spend_id, at_s)
        if next_at_s is None or at_s < next_at_s:
            self._sooner.set()

    def forget(self, spend_id: str) -> None:
        """The spend is closed."""
        self._queue.discard(spend_id)

    def next_at_s(self) -> float | None:
        """When the first spend expires, on the monotonic clock; None where none is open."""
        return self._queue.next_at_s()

    async def load(self) -> None:
        """Watch the spends that an earlier process left open."""
        now_ns = self._now_ns()
        for spend in await self._store.read_open_spends():
            remaining_s = (spend.expire_time_ns - now_ns) / NS_PER_S
            self.watch(spend.spend_id, min(max(0.0, remaining_s), MAX_TIME_TO_LIVE_S))

    async def run(self) -> None:
        """Expire what is due, for ever."""
        while True:
            self._sooner.clear()
            await self._wait_until(self.next_at_s())
            await self._expire_due()

    async def _wait_until(self, at_s: float | None) -> None:
        """Return at that moment, or where a nearer one has come up."""
        wait_s = None if at_s is None else max(0.0, at_s - self._now_s())
        try:
            async with asyncio.timeout(wait_s):
                await self._sooner.wait()
        except TimeoutError:
            pass

    async def _expire_due(self) -> None:
        due = self._queue.take_due(self._now_s(), limit=BATCH)
        if not due:
            return
        book_time_ns = self._now_ns()
        try:
            count = await self._store.write(lambda books: expire_spends(books, due, book_time_ns=book_time_ns))
        except ServiceError as error:
            self._log.warning(names.EXPIRY_DEFERRED, reason=error.reason, count=len(due))
            self._defer(due)
        except Exception:  # noqa: BLE001  # the top of a task: a spend that can not be expired must not stop all others
            self._log.exception(names.EXPIRY_CRASHED, count=len(due))
            self._defer(due)
        else:
            if count:
                self._metrics.count_expired(count)
                self._log.warning(names.SPENDS_EXPIRED, count=count)

    def _defer(self, spend_ids: Sequence[str]) -> None:
        for spend_id in spend_ids:
            self._queue.add(spend_id, self._now_s() + RETRY_S)
