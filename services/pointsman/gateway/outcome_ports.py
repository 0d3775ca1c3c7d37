"""What the gateway learns from: what callers thought of answers, and how models did. `adapters/outcome_client.py` speaks to the ledger."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from pointsman.gateway.core.outcomes import Outcomes
from pointsman.gateway.ports import Account
from pointsman.kit.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thought of an answer, 0 (bad) to 1 (good). Exactly one of request_id and decision_id is set."""

    feedback_id: str
    account: Account
    value: float
    request_id: str | None = None
    decision_id: str | None = None
    metric: str = ""  # empty: the answer as a whole
    comment: str = field(default="", repr=False)


class OutcomeLedger(Protocol):
    """Keeps feedback, and tells what it comes to. Calls raise kit's ServiceError alone."""

    async def record_feedback(self, feedback: Feedback, *, deadline: Deadline) -> None:
        """Keep it: on disk when this returns, and the same again changes nothing.

        Raises NotFound "decision_not_found" for a subject that is not known or a stranger's, Conflict "feedback_exists".
        """

    def watch_outcomes(self, *, deadline: Deadline) -> AbstractAsyncContextManager[AsyncIterator[Outcomes]]:
        """What became of earlier answers, whole, at least each second; the same object where nothing has changed."""
