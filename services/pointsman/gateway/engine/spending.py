"""Opens spends before the first paid call: in the ledger or, while that is away, in the gateway's spool."""

import time
from collections.abc import Callable
from enum import Enum, auto

from pointsman.gateway.core.catalog import CatalogVersion
from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.engine.backlog import Backlog
from pointsman.gateway.engine.call_plan import CallPlan, admitted, without_paid
from pointsman.gateway.ports import Account, Ledger, Settlement, Spend
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, ErrorKind, RateLimited, ServiceError, Unavailable
from pointsman.kit.ids import new_id

# Time after a request's deadline in which its settlement may still come.
SETTLEMENT_GRACE_S = 60.0
# What speaks against the ledger, not against the spend.
LEDGER_FAULTS = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.OVERLOADED, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.INTERNAL})


class _Unanswered(Enum):
    """Why there is no word of the ledger on a spend."""

    NOT_ASKED = auto()  # it is known to be away
    LOST = auto()  # it may have made the reservation all the same
    REFUSED = auto()


class Spending:
    """Reserves the worst case of a request."""

    def __init__(
        self, *, ledger: Ledger, backlog: Backlog, circuit: Circuit, budget_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """budget_s: longest that a request waits for the reservation."""
        self._ledger = ledger
        self._backlog = backlog
        self._circuit = circuit
        self._budget_s = budget_s
        self._now_s = now_s

    async def open(
        self, plan: CallPlan, *, request_id: str, account: Account, catalog_version: CatalogVersion, deadline: Deadline
    ) -> tuple[CallPlan, str | None]:
        """What may be called, and the spend's name; None where nothing was reserved.

        Raises RateLimited "budget_exceeded" or Unavailable "dependency_down" where no candidate is left.
        """
        if not plan.planned_attempts:
            return plan, None
        time_to_live_s = deadline.remaining_s(self._now_s()) + SETTLEMENT_GRACE_S
        spend = Spend(new_id("spd"), request_id, account, plan.planned_attempts, time_to_live_s)
        try:
            admitted_count = await self._reserve(spend, catalog_version, deadline)
        except BaseException:
            self._give_back(spend, catalog_version)
            raise
        if admitted_count is None:
            free = without_paid(plan)
            if not free.candidates:
                raise Unavailable("dependency_down", "what a call may cost cannot be recorded now, and no fitting model is free")
            return free, None
        left = admitted(plan, admitted_count)
        if not left.candidates:
            raise RateLimited("budget_exceeded", "the budget does not allow any fitting model")
        return left, spend.spend_id

    async def _reserve(self, spend: Spend, catalog_version: CatalogVersion, deadline: Deadline) -> int | None:
        """How many planned attempts fit: all of them where the ledger hears of it later. None where nothing may be spent."""
        answer = await self._ask_ledger(spend, deadline)
        if isinstance(answer, int):
            return answer
        if answer is _Unanswered.REFUSED:
            return None
        try:
            await self._backlog.open(spend)
        except ServiceError:
            if answer is _Unanswered.LOST:
                self._give_back(spend, catalog_version)
            return None
        return len(spend.planned_attempts)

    async def _ask_ledger(self, spend: Spend, deadline: Deadline) -> int | _Unanswered:
        if not self._circuit.try_acquire(self._now_s()):
            return _Unanswered.NOT_ASKED
        budget = Deadline.after(self._budget_s, now_s=self._now_s())
        try:
            admitted_count = await self._ledger.open_spend(spend, deadline=deadline.min(budget))
        except ServiceError as error:
            if isinstance(error, DeadlineExceeded) and deadline < budget:  # the request's own time is over
                self._circuit.release()
                raise
            if error.kind in LEDGER_FAULTS:
                self._circuit.record_failure(self._now_s())
                return _Unanswered.LOST
            self._circuit.release()  # it refuses this spend, and is well
            return _Unanswered.REFUSED
        except BaseException:
            self._circuit.release()
            raise
        self._circuit.record_success()
        return admitted_count

    def _give_back(self, spend: Spend, catalog_version: CatalogVersion) -> None:
        """Free a reservation that may have been made although no answer came."""
        self._backlog.defer(Settlement(spend.request_id, spend.account, (), catalog_version, spend.spend_id))
