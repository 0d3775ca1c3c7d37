"""Books what requests used: at once where the ledger answers in time, else later, in order."""

import asyncio
from collections import deque

from pointsman.gateway import names
from pointsman.gateway.ports import Ledger, Settlement
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ErrorKind, ServiceError
from pointsman.kit.logging import Logger

# A second of the heaviest traffic on one core is 1,500 settlements; more than six of those are no blip.
MAX_WAITING = 10_000
RETRY_TIMEOUT_S = 2.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# What the ledger refuses as such would be refused again.
FINAL_KINDS = frozenset({ErrorKind.INVALID_ARGUMENT, ErrorKind.NOT_FOUND, ErrorKind.CONFLICT})


class Settling:
    """Settles spends. `run` has to run beside it, and retries what could not be booked in time."""

    def __init__(self, *, ledger: Ledger, budget_s: float, log: Logger) -> None:
        """budget_s: longest that an answer waits for its settlement."""
        self._ledger = ledger
        self._budget_s = budget_s
        self._log = log
        self._waiting: deque[Settlement] = deque()
        self._arrived = asyncio.Event()
        self.dropped_count = 0

    @property
    def waiting_count(self) -> int:
        """Settlements that are still to be booked."""
        return len(self._waiting)

    async def settle(self, settlement: Settlement) -> bool:
        """Book now; False where that did not succeed in time, and is done later."""
        if self._waiting:  # the ledger is behind: do not wait for it again
            self.defer(settlement)
            return False
        try:
            await self._ledger.settle_spend(settlement, deadline=Deadline.after(self._budget_s))
        except ServiceError as error:
            self._log.warning(names.SETTLEMENT_DEFERRED, reason=error.reason)
            self.defer(settlement)
            return False
        except BaseException:
            self.defer(settlement)
            raise
        return True

    def defer(self, settlement: Settlement) -> None:
        """Book later. Where too many wait the new one is dropped: its spend expires at its worst case, so no cost is lost."""
        if len(self._waiting) >= MAX_WAITING:
            self.dropped_count += 1
            self._log.error(names.SETTLEMENT_DROPPED, settled_request_id=settlement.request_id, dropped_count=self.dropped_count)
            return
        self._waiting.append(settlement)
        self._arrived.set()

    async def run(self) -> None:
        """Book what waits, for ever, in order; what the ledger crashes at goes behind the rest."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._arrived.wait()
            if await self._book_first():
                pause_s = FIRST_PAUSE_S
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def flush(self, deadline: Deadline) -> None:
        """Book what still waits, once, before the end."""
        while self._waiting and not deadline.expired and await self._book_first():
            pass
        if self._waiting:
            self._log.error(names.SETTLEMENTS_LEFT, count=len(self._waiting))

    async def _book_first(self) -> bool:
        """True where the first that waits is done with."""
        settlement = self._waiting[0]
        try:
            await self._ledger.settle_spend(settlement, deadline=Deadline.after(RETRY_TIMEOUT_S))
        except ServiceError as error:
            if error.kind is ErrorKind.INTERNAL:  # a fault over there, perhaps of this one alone: it must not hold up the rest
                self._waiting.rotate(-1)
            if error.kind not in FINAL_KINDS:
                return False
            self._log.error(names.SETTLEMENT_DROPPED, settled_request_id=settlement.request_id, reason=error.reason)
        self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()
        return True
