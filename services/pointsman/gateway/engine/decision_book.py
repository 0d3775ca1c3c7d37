"""Decisions of the last hour: kept here so that they can be run at once, and recorded in the ledger in batches."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from pointsman.gateway import names
from pointsman.gateway.core.routing import Cause
from pointsman.gateway.ports import DecisionRecord, Ledger
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ErrorKind, NotFound, ServiceError
from pointsman.kit.logging import Logger

# A decision can be run for an hour, by its id.
RUNNABLE_S = 3_600.0
# Some 10 KiB each: 10 MiB. Older ones are in the ledger.
MAX_KEPT = 1_000
MAX_WAITING = 10_000
MAX_BATCH = 256
MAX_BATCH_BYTES = 4 << 20  # half of what a message between services takes
BATCH_WINDOW_S = 0.2  # with the write itself a decision is recorded within 250 ms
RECORD_TIMEOUT_S = 2.0
LOOKUP_TIMEOUT_S = 1.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision that may be run again. `record` renders what the ledger keeps; that is not done while a request waits."""

    decision_id: str
    create_time_s: float
    prompt_hash: bytes
    model_ids: tuple[str, ...]
    cause: Cause
    policy: str  # what the caller named, or the one that was in force: an id or a number
    record: Callable[[], DecisionRecord]


class DecisionBook:
    """Keeps decisions. `run` has to run beside it, and records them."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        read_model_ids: Callable[[DecisionRecord], tuple[str, ...]],
        log: Logger,
        time_s: Callable[[], float] = time.time,
    ) -> None:
        """read_model_ids: the candidates in a record's detail, in order."""
        self._ledger = ledger
        self._read_model_ids = read_model_ids
        self._log = log
        self._time_s = time_s
        self._kept: OrderedDict[str, KeptDecision] = OrderedDict()
        self._waiting: deque[KeptDecision] = deque()
        self._arrived = asyncio.Event()
        self.dropped_count = 0

    def keep(self, decision: KeptDecision) -> None:
        """Keep and record. Where too many wait to be recorded, the oldest is dropped and counted."""
        self._kept[decision.decision_id] = decision
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped_count += 1
        self._waiting.append(decision)
        self._arrived.set()

    async def find_record(self, decision_id: str, deadline: Deadline) -> DecisionRecord:
        """The decision as it was recorded. Raises NotFound "decision_not_found"."""
        kept = self._kept.get(decision_id)
        if kept is not None:
            return kept.record()
        record = await self._ledger.find_decision(decision_id, deadline=deadline.min(Deadline.after(LOOKUP_TIMEOUT_S)))
        if record is None:
            raise NotFound("decision_not_found", "no decision has this id", param="decision_id")
        return record

    async def find_runnable(self, decision_id: str, deadline: Deadline) -> KeptDecision:
        """A decision of the last hour. Raises NotFound "decision_not_found"."""
        decision = self._kept.get(decision_id)
        if decision is None:
            record = await self.find_record(decision_id, deadline)
            decision = KeptDecision(
                record.decision_id,
                record.create_time_s,
                record.prompt_hash,
                self._read_model_ids(record),
                Cause(record.cause),
                record.policy,
                lambda: record,
            )
        if self._time_s() - decision.create_time_s > RUNNABLE_S:
            raise NotFound("decision_not_found", "the decision is older than an hour", param="decision_id")
        return decision

    async def run(self) -> None:
        """Record what was kept, for ever."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._arrived.wait()
            if len(self._waiting) < MAX_BATCH:
                await asyncio.sleep(BATCH_WINDOW_S)
            if await self._record_batch():
                pause_s = FIRST_PAUSE_S
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def flush(self, deadline: Deadline) -> None:
        """Record what still waits, before the end."""
        while self._waiting and not deadline.expired and await self._record_batch():
            pass
        if self._waiting or self.dropped_count:
            self._log.error(names.DECISIONS_DROPPED, count=len(self._waiting) + self.dropped_count)

    async def _record_batch(self) -> bool:
        """True where the oldest decisions are recorded, and no longer wait."""
        batch = self._render_batch()
        if not await self._record(batch):
            return False
        recorded = {record.decision_id for record in batch}
        # While the ledger was writing, a full queue may have lost its oldest.
        while self._waiting and self._waiting[0].decision_id in recorded:
            self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()
        return True

    async def _record(self, batch: list[DecisionRecord]) -> bool:
        """True where the decisions are done with. One that the ledger refuses is lost alone, not with its batch."""
        try:
            await self._ledger.record_decisions(batch, deadline=Deadline.after(RECORD_TIMEOUT_S))
        except ServiceError as error:
            self._log.warning(names.DECISIONS_NOT_RECORDED, reason=error.reason, count=len(batch))
            if error.kind is not ErrorKind.INVALID_ARGUMENT:
                return False
            if len(batch) > 1:
                return all([await self._record([record]) for record in batch])
            self.dropped_count += 1
        return True

    def _render_batch(self) -> list[DecisionRecord]:
        """The oldest that wait, as many as one message takes."""
        batch: list[DecisionRecord] = []
        byte_count = 0
        for kept in self._waiting:
            record = kept.record()
            byte_count += len(record.detail)
            if batch and byte_count > MAX_BATCH_BYTES:
                break
            batch.append(record)
            if len(batch) == MAX_BATCH:
                break
        return batch
