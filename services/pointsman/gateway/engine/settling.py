"""Books what requests used: at once where the ledger answers in time, else later."""

from pointsman.gateway.engine.backlog import ENTRY_FAULTS, Backlog
from pointsman.gateway.ports import Ledger, Settlement
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError


class Settling:
    """Settles spends."""

    def __init__(self, *, ledger: Ledger, backlog: Backlog, budget_s: float) -> None:
        """budget_s: longest that an answer waits for its settlement."""
        self._ledger = ledger
        self._backlog = backlog
        self._budget_s = budget_s

    async def settle(self, settlement: Settlement, deadline: Deadline) -> bool:
        """Book now; False where that did not succeed in time, and is done later."""
        if self._backlog.is_failing:  # no request is to wait for that again
            self._backlog.defer(settlement)
            return False
        budget = Deadline.after(self._budget_s)
        try:
            await self._ledger.settle_spend(settlement, deadline=deadline.min(budget))
        except ServiceError as error:
            if error.kind not in ENTRY_FAULTS and budget < deadline:  # else it had less time than it is allowed
                self._backlog.note_failure()
            self._backlog.defer(settlement)
            return False
        except BaseException:
            self._backlog.defer(settlement)
            raise
        return True

    def defer(self, settlement: Settlement) -> None:
        """Book later."""
        self._backlog.defer(settlement)
