"""Takes feedback to the ledger. Nothing is kept here: what the ledger has not confirmed was not recorded."""

import asyncio
from contextlib import suppress

from pointsman.gateway.engine.decision_book import DecisionBook
from pointsman.gateway.outcome_ports import Feedback, OutcomeLedger
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, NotFound, Unavailable

# A write takes some milliseconds; a ledger that needs so long is away.
RECORD_TIMEOUT_S = 2.0


class FeedbackIntake:
    """Has feedback recorded."""

    def __init__(self, *, ledger: OutcomeLedger, book: DecisionBook) -> None:
        """book: decisions that the ledger may not have heard of yet."""
        self._ledger = ledger
        self._book = book

    async def record(self, feedback: Feedback, deadline: Deadline) -> None:
        """Have it recorded.

        Raises NotFound "decision_not_found" for a subject that is not known or a stranger's, Conflict "feedback_exists",
        Unavailable "dependency_down" where the ledger is away.
        """
        budget = deadline.min(Deadline.after(RECORD_TIMEOUT_S))
        try:
            await self._record(feedback, budget)
        except DeadlineExceeded as error:
            if deadline.expired:
                raise
            raise Unavailable("dependency_down", "the ledger cannot be used now") from error

    async def _record(self, feedback: Feedback, budget: Deadline) -> None:
        try:
            await self._ledger.record_feedback(feedback, deadline=budget)
        except NotFound:
            # Decisions go to the ledger in batches: who is quick to judge one is here before it is there.
            if not self._book.has_unrecorded:
                raise
            with suppress(TimeoutError):
                async with asyncio.timeout(budget.remaining_s()):
                    await self._book.record_waiting()
            await self._ledger.record_feedback(feedback, deadline=budget)
