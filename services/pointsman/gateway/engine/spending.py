"""Opens spends before the first paid call; without the ledger nothing is spent."""

import time
from collections.abc import Callable

from pointsman.gateway.core.catalog import CatalogVersion
from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.engine.call_plan import CallPlan, admitted, without_paid
from pointsman.gateway.engine.settling import Settling
from pointsman.gateway.ports import Account, Ledger, Settlement, Spend
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ErrorKind, RateLimited, ServiceError, Unavailable
from pointsman.kit.ids import new_id

# Time after a request's deadline in which its settlement may still come.
SETTLEMENT_GRACE_S = 60.0
# What speaks against the ledger, not against the spend.
LEDGER_FAULTS = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.OVERLOADED, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.INTERNAL})


class Spending:
    """Reserves the worst case of a request."""

    def __init__(
        self, *, ledger: Ledger, settling: Settling, circuit: Circuit, budget_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """budget_s: longest that a request waits for the reservation."""
        self._ledger = ledger
        self._settling = settling
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
        admitted_count = await self._reserve(spend, catalog_version, deadline)
        if admitted_count is None:
            free = without_paid(plan)
            if not free.candidates:
                raise Unavailable("dependency_down", "the ledger is away, and no fitting model is free")
            return free, None
        left = admitted(plan, admitted_count)
        if not left.candidates:
            raise RateLimited("budget_exceeded", "the budget does not allow any fitting model")
        return left, spend.spend_id

    async def _reserve(self, spend: Spend, catalog_version: CatalogVersion, deadline: Deadline) -> int | None:
        """How many planned attempts fit; None where the ledger does not answer."""
        if not self._circuit.try_acquire(self._now_s()):
            return None
        try:
            admitted_count = await self._ledger.open_spend(spend, deadline=deadline.min(Deadline.after(self._budget_s)))
        except ServiceError as error:
            if error.kind in LEDGER_FAULTS:
                self._circuit.record_failure(self._now_s())
            else:  # it refuses this spend, and is well
                self._circuit.release()
            self._give_back(spend, catalog_version)
            return None
        except BaseException:
            self._circuit.release()
            self._give_back(spend, catalog_version)
            raise
        self._circuit.record_success()
        return admitted_count

    def _give_back(self, spend: Spend, catalog_version: CatalogVersion) -> None:
        """Free a reservation that may have been made although no answer came."""
        self._settling.defer(Settlement(spend.request_id, spend.account, (), catalog_version, spend.spend_id))
