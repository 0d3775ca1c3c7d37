"""Decisions of the last hour: kept here so that they can be run at once, and recorded in the ledger in batches."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from pointsman.gateway import names
from pointsman.gateway.core.routing import Cause
from pointsman.gateway.engine.decision_terms import ANY_TERMS, DecisionTerms
from pointsman.gateway.ports import Account, DecisionRecord, Ledger
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ErrorKind, NotFound, ServiceError
from pointsman.kit.logging import Logger

# A decision can be run for an hour, by its id.
RUNNABLE_S = 3_600.0
# Some 10 KiB each: 10 MiB. Older ones are in the ledger.
MAX_KEPT = 1_000
# Decisions that the ledger is still to get; of some 10 KiB each the bytes bind first.
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 32 << 20
MAX_BATCH = 256
MAX_BATCH_BYTES = 4 << 20  # half of what a message between services takes
# With the write itself a decision is recorded within 250 ms; it is rendered when its request is likely to have its answer.
RENDER_DELAY_S = 0.05
BATCH_WINDOW_S = 0.15
RECORD_TIMEOUT_S = 2.0
LOOKUP_TIMEOUT_S = 1.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision that may be run again. `record` renders what the ledger keeps, or has it by then."""

    decision_id: str
    create_time_s: float
    account: Account
    prompt_hash: bytes
    model_ids: tuple[str, ...]
    cause: Cause
    policy: str  # what the caller named, or the one that was in force: an id or a number
    terms: DecisionTerms
    record: Callable[[], DecisionRecord]


@dataclass(frozen=True, slots=True)
class RecordedPlan:
    """What a record's detail tells of running it: the candidates, in order, and what the caller allowed."""

    model_ids: tuple[str, ...]
    terms: DecisionTerms = ANY_TERMS


class DecisionBook:
    """Keeps decisions, each for the account that it was made for. `run` has to run beside it, and records them."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        read_plan: Callable[[DecisionRecord], RecordedPlan],
        log: Logger,
        time_s: Callable[[], float] = time.time,
    ) -> None:
        """read_plan: what a record's detail holds."""
        self._ledger = ledger
        self._read_plan = read_plan
        self._log = log
        self._time_s = time_s
        self._kept: OrderedDict[str, KeptDecision] = OrderedDict()
        self._unrendered: deque[KeptDecision] = deque()
        self._waiting: deque[DecisionRecord] = deque()
        self._waiting_byte_count = 0
        self._arrived = asyncio.Event()
        self._rendered = asyncio.Event()
        self.dropped_count = 0

    def keep(self, decision: KeptDecision) -> None:
        """Keep and record. Where too many wait to be recorded, the oldest are dropped and counted."""
        self._kept[decision.decision_id] = decision
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        self._unrendered.append(decision)
        self._drop_oldest()
        self._arrived.set()

    async def find_record(self, decision_id: str, account: Account, deadline: Deadline) -> DecisionRecord:
        """The account's decision as it was recorded. Raises NotFound "decision_not_found", also for a stranger's."""
        kept = self._kept.get(decision_id)
        if kept is not None:
            _require_own(kept.account, account)
            return kept.record()
        record = await self._ledger.find_decision(decision_id, deadline=deadline.min(Deadline.after(LOOKUP_TIMEOUT_S)))
        if record is None:
            raise not_found()
        _require_own(record.account, account)
        return record

    async def find_runnable(self, decision_id: str, account: Account, deadline: Deadline) -> KeptDecision:
        """The account's decision of the last hour. Raises NotFound "decision_not_found", also for a stranger's."""
        decision = self._kept.get(decision_id)
        if decision is None:
            decision = self._kept_of(await self.find_record(decision_id, account, deadline))
        _require_own(decision.account, account)
        if self._time_s() - decision.create_time_s > RUNNABLE_S:
            raise NotFound("decision_not_found", "the decision is older than an hour", param="decision_id")
        return decision

    def _kept_of(self, record: DecisionRecord) -> KeptDecision:
        plan = self._read_plan(record)
        return KeptDecision(
            decision_id=record.decision_id,
            create_time_s=record.create_time_s,
            account=record.account,
            prompt_hash=record.prompt_hash,
            model_ids=plan.model_ids,
            cause=Cause(record.cause),
            policy=record.policy,
            terms=plan.terms,
            record=_ready(record),
        )

    async def run(self) -> None:
        """Record what was kept, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_rendering())
            group.create_task(self._run_recording())

    @property
    def has_unrecorded(self) -> bool:
        """True where the ledger has not confirmed all decisions."""
        return bool(self._waiting or self._unrendered)

    async def record_waiting(self) -> None:
        """Record what waits now and not when its time comes; what the ledger does not take waits on."""
        await self._render()
        while self._waiting and await self._record_batch():
            pass

    async def flush(self, deadline: Deadline) -> None:
        """Record what still waits, before the end."""
        await self._render()
        while self._waiting and not deadline.expired and await self._record_batch():
            pass
        if self._waiting or self.dropped_count:
            self._log.error(names.DECISIONS_DROPPED, count=len(self._waiting) + self.dropped_count)

    async def _run_rendering(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(RENDER_DELAY_S)
            await self._render()

    async def _run_recording(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await self._rendered.wait()
            if len(self._waiting) < MAX_BATCH:
                await asyncio.sleep(BATCH_WINDOW_S)
            if await self._record_batch():
                pause_s = FIRST_PAUSE_S
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _render(self) -> None:
        """Turn decisions into records, which are a tenth as many objects, one at a time: requests go on in between."""
        while self._unrendered:
            decision = self._unrendered.popleft()
            record = decision.record()
            if decision.decision_id in self._kept:
                self._kept[decision.decision_id] = replace(decision, record=_ready(record))
            self._waiting.append(record)
            self._waiting_byte_count += len(record.detail)
            self._drop_oldest()
            self._rendered.set()
            await asyncio.sleep(0)
        self._arrived.clear()

    def _drop_oldest(self) -> None:
        """Hold what waits within its bounds."""
        while len(self._waiting) + len(self._unrendered) > MAX_WAITING or self._waiting_byte_count > MAX_WAITING_BYTES:
            if self._waiting:
                self._waiting_byte_count -= len(self._waiting.popleft().detail)
            else:
                self._unrendered.popleft()
            self.dropped_count += 1

    async def _record_batch(self) -> bool:
        """True where the oldest decisions are recorded, and no longer wait."""
        batch = self._next_batch()
        if batch and not await self._record(batch):
            return False
        recorded = {record.decision_id for record in batch}
        # While the ledger was writing, a full queue may have lost its oldest.
        while self._waiting and self._waiting[0].decision_id in recorded:
            self._waiting_byte_count -= len(self._waiting.popleft().detail)
        if not self._waiting:
            self._rendered.clear()
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

    def _next_batch(self) -> list[DecisionRecord]:
        """The oldest that wait, as many as one message takes."""
        batch: list[DecisionRecord] = []
        byte_count = 0
        for record in islice(self._waiting, MAX_BATCH):
            byte_count += len(record.detail)
            if batch and byte_count > MAX_BATCH_BYTES:
                break
            batch.append(record)
        return batch


def not_found() -> NotFound:
    """The same for one that does not exist and for a stranger's, so that nobody learns which there are."""
    return NotFound("decision_not_found", "no decision has this id", param="decision_id")


def _require_own(owner: Account, account: Account) -> None:
    if owner != account:
        raise not_found()


def _ready(record: DecisionRecord) -> Callable[[], DecisionRecord]:
    return lambda: record
