"""What the ledger is still to hear of: in order, on the disk as soon as the ledger does not answer, booked when it does again."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from pointsman.gateway import names
from pointsman.gateway.ports import Ledger, OpenedSpend, Settlement, Spend, Spool, SpoolEntry
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Conflict, ErrorKind, ServiceError, Unavailable
from pointsman.kit.logging import Logger

# 10,000 paid requests are minutes of an outage at usual traffic, and some 10 MiB; then none is begun any more.
MAX_WAITING = 10_000
# Spends that are open still have to be settled: there is room for one settlement each.
MAX_WAITING_SETTLEMENTS = 2 * MAX_WAITING
# Records of what is booked are dropped with the file once nothing waits; where something always does, at this many.
MAX_RECORDS = 4 * MAX_WAITING
# A ledger that answers has booked it by then, and the disk is spared.
SAVE_DELAY_S = 0.05
BOOK_TIMEOUT_S = 2.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# Long enough for the settlement that waits behind it; a spend without one is booked at its worst case then.
LEAST_TIME_TO_LIVE_S = 5.0
# What the ledger refuses as such would be refused again.
FINAL_KINDS = frozenset({ErrorKind.INVALID_ARGUMENT, ErrorKind.NOT_FOUND, ErrorKind.CONFLICT})
# What may be the fault of the one entry.
ENTRY_FAULTS = FINAL_KINDS | {ErrorKind.INTERNAL}


@dataclass(slots=True)
class _Waiting:
    entry: SpoolEntry
    is_saved: bool
    is_booked: bool = False


class Backlog:
    """Books later. `run` and `save` have to run beside it.

    All entries have names of their own, so that what a crash brings back is booked as if it had not come twice.
    """

    def __init__(
        self, *, ledger: Ledger, spool: Spool, leftover: Iterable[SpoolEntry] = (), log: Logger, time_s: Callable[[], float] = time.time
    ) -> None:
        """leftover: what the spool holds of earlier processes. time_s: the wall clock, which outlives a process."""
        self._ledger = ledger
        self._spool = spool
        self._log = log
        self._time_s = time_s
        self._waiting = deque(_Waiting(entry, is_saved=True) for entry in leftover)
        self._unsaved: list[_Waiting] = []
        self._record_count = len(self._waiting)
        self._saving_count = 0  # saves under way: what they write is not to be dropped with what is booked
        self._arrived = asyncio.Event()
        self._save_wanted = asyncio.Event()
        self.is_failing = False  # the ledger did not take what it was last given
        self.is_spool_failing = False
        self.dropped_count = 0
        if self._waiting:
            self._arrived.set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """True where no spend is taken."""
        return len(self._waiting) + self._saving_count >= MAX_WAITING

    async def open(self, spend: Spend) -> None:
        """Have the spend opened later; it is on the disk when this returns. Raises Unavailable where it cannot be."""
        if self.is_full:
            raise Unavailable("dependency_down", "the ledger is away, and its spool is full")
        entry = OpenedSpend(spend, self._time_s())
        await self._save([entry])
        self.note_failure()
        self._put(_Waiting(entry, is_saved=True))

    def defer(self, settlement: Settlement) -> None:
        """Book later. Where too many wait it is dropped: its spend expires at its worst case, so no cost is lost."""
        if len(self._waiting) >= (MAX_WAITING if settlement.spend_id is None else MAX_WAITING_SETTLEMENTS):
            self.dropped_count += 1
            self._log.error(names.SETTLEMENT_DROPPED, settled_request_id=settlement.request_id, dropped_count=self.dropped_count)
            return
        waiting = _Waiting(settlement, is_saved=False)
        self._put(waiting)
        self._unsaved.append(waiting)
        self._save_wanted.set()

    def note_failure(self) -> None:
        """The ledger does not answer: for a while nobody needs to wait for it to settle."""
        if not self.is_failing:
            self.is_failing = True
            self._log.warning(names.LEDGER_AWAY)

    async def run(self) -> None:
        """Book what waits, for ever, in order; what the ledger crashes at goes behind the rest."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._arrived.wait()
            if await self._book_first():
                pause_s = FIRST_PAUSE_S
                await self._tidy()
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def save(self) -> None:
        """Put on the disk what is not booked at once, for ever."""
        while True:
            await self._save_wanted.wait()
            await asyncio.sleep(SAVE_DELAY_S)
            if await self._save_unsaved():
                await self._tidy()
            else:
                await asyncio.sleep(LONGEST_PAUSE_S)

    async def flush(self, deadline: Deadline) -> None:
        """Book what still waits, before the end; what cannot be stays on the disk."""
        await self._save_unsaved()  # first: whoever ends this process may not wait for the ledger
        while self._waiting and not deadline.expired and await self._book_first():
            pass
        await self._tidy()
        if not await self._save_unsaved():
            self._log.error(names.SETTLEMENTS_LEFT, count=len(self._unsaved))
        elif self._waiting:
            self._log.warning(names.SETTLEMENTS_SPOOLED, count=len(self._waiting))

    def _put(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._arrived.set()

    async def _book_first(self) -> bool:
        """True where the first that waits is done with."""
        first = self._waiting[0]
        try:
            await self._book(first.entry)
        except ServiceError as error:
            if error.kind is ErrorKind.INTERNAL:  # a fault over there, perhaps of this one alone: it must not hold up the rest
                self._waiting.rotate(-1)
                return False
            if error.kind not in FINAL_KINDS:
                self.note_failure()
                return False
            self._log.error(names.SETTLEMENT_DROPPED, settled_request_id=request_id_of(first.entry), reason=error.reason)
        if self.is_failing:
            self.is_failing = False
            self._log.info(names.LEDGER_BACK, waiting_count=len(self._waiting))
        first.is_booked = True
        self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()
        return True

    async def _book(self, entry: SpoolEntry) -> None:
        deadline = Deadline.after(BOOK_TIMEOUT_S)
        if isinstance(entry, Settlement):
            await self._ledger.settle_spend(entry, deadline=deadline)
            return
        age_s = max(0.0, self._time_s() - entry.open_time_s)  # a wall clock that was set back makes no spend younger than new
        left_s = max(LEAST_TIME_TO_LIVE_S, entry.spend.time_to_live_s - age_s)
        with suppress(Conflict):  # settled already: nothing is to be reserved any more
            await self._ledger.open_spend(replace(entry.spend, time_to_live_s=left_s), deadline=deadline)

    async def _save_unsaved(self) -> bool:
        """True where all that waits is on the disk."""
        self._save_wanted.clear()
        unsaved = [waiting for waiting in self._unsaved if not waiting.is_booked]
        if unsaved:
            try:
                await self._save([waiting.entry for waiting in unsaved])
            except ServiceError:
                self._save_wanted.set()
                return False
            for waiting in unsaved:
                waiting.is_saved = True
        self._unsaved = [waiting for waiting in self._unsaved if not (waiting.is_saved or waiting.is_booked)]
        return True

    async def _save(self, entries: list[SpoolEntry]) -> None:
        """Append to the spool. Raises Unavailable; one log line when that begins."""
        self._saving_count += len(entries)
        self._record_count += len(entries)  # also where the caller leaves meanwhile: they may get there all the same
        try:
            await self._spool.append(entries)
        except ServiceError as error:
            self._record_count -= len(entries)
            if not self.is_spool_failing:
                self.is_spool_failing = True
                self._log.error(names.SPOOL_FAILING, reason=error.message)
            raise
        finally:
            self._saving_count -= len(entries)
        self.is_spool_failing = False

    async def _tidy(self) -> None:
        """Drop the records of what is booked, where nothing else is among them or they have become too many."""
        if self._record_count == 0 or self._saving_count or (self._waiting and self._record_count < MAX_RECORDS):
            return
        saved = [waiting.entry for waiting in self._waiting if waiting.is_saved]
        before, self._record_count = self._record_count, len(saved)
        try:
            await self._spool.replace_all(saved)
        except ServiceError as error:
            self._record_count += before
            self._log.error(names.SPOOL_FAILING, reason=error.message)


def request_id_of(entry: SpoolEntry) -> str:
    """The request that it is about."""
    return entry.spend.request_id if isinstance(entry, OpenedSpend) else entry.request_id
