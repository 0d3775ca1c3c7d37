"""One completion under way: what came of it so far, and its settlement however it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from pointsman.gateway.core.routing import Cause
from pointsman.gateway.engine.attempt_log import AttemptLog
from pointsman.gateway.engine.failures import provider_failure
from pointsman.gateway.engine.measures import Measures, Stage
from pointsman.gateway.engine.routing import Routed, served_cause
from pointsman.gateway.engine.settling import Settling
from pointsman.gateway.ports import (
    Attempt,
    AttemptFinished,
    AttemptOutcome,
    AttemptStarted,
    Chunk,
    CompletionDone,
    CompletionEvent,
    CompletionFailed,
    Settlement,
)
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, Unavailable

CLIENT_GONE = "client_gone"
EXECUTOR_LOST = "executor_lost"


async def _no_events() -> AsyncIterator[CompletionEvent]:
    """What comes of a call that could not be made."""
    nothing: tuple[CompletionEvent, ...] = ()
    for event in nothing:
        yield event


class Completion:
    """One completion under way. `next_chunk` is called until it gives None; then `settle`."""

    def __init__(
        self,
        *,
        routed: Routed,
        log: AttemptLog,
        settling: Settling,
        measures: Measures,
        execution: AsyncExitStack,
        spend_id: str | None,
        deadline: Deadline,
    ) -> None:
        """Made by Completing, which attaches the executor's events. execution: holds the call. deadline: of the whole request."""
        self.routed = routed
        self.done: CompletionDone | None = None
        self.has_content = False
        self.events: AsyncIterator[CompletionEvent] = _no_events()
        self._log = log
        self._settling = settling
        self._measures = measures
        self._execution = execution
        self._spend_id = spend_id
        self.deadline = deadline
        self._is_settled = False

    @property
    def served(self) -> AttemptStarted | None:
        """The call whose content came, or that is under way; None before the first."""
        return self._log.running_or_last

    @property
    def cause(self) -> Cause:
        """Why this model served."""
        served = self.served
        return self.routed.decision.cause if served is None else served_cause(self.routed, served.model_id)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The calls that have ended, with their costs."""
        return tuple(self._log.attempts)

    @property
    def fallback_count(self) -> int:
        """Calls that failed before this one."""
        return max(0, self._log.started_count - 1)

    @property
    def cost_nanousd(self) -> int | None:
        """Sum of all billed attempts, those of the prompt's judge included; None where a price is unknown."""
        costs = [self._log.total_cost_nanousd(), *(attempt.cost_nanousd for attempt in self.routed.judge_attempts)]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    @property
    def provider_s(self) -> float:
        """Time that providers have taken of the request so far; the rest is ours."""
        return self._log.provider_s

    async def next_chunk(self) -> bytes | None:
        """The next events of the answer; None once it is whole. Raises ServiceError where it is not, or no more."""
        async for event in self.events:
            match event:
                case Chunk():
                    self.has_content = True
                    self._log.see(event.events)
                    return event.events
                case AttemptStarted():
                    self._log.start(event)
                case AttemptFinished():
                    self._log.finish(event.attempt)
                case CompletionDone():
                    if not self._log.attempts:
                        raise Unavailable("dependency_down", "the executor answered without an attempt")
                    self.done = event
                    return None
                case CompletionFailed():
                    raise provider_failure(event)
        raise Unavailable("dependency_down", "the executor ended without a result")

    async def settle(self) -> bool:
        """End the call, and book what was used; False where that is still to come."""
        await self._execution.aclose()
        self._is_settled = True
        with self._measures.stage(Stage.SETTLE):
            return await self._settling.settle(self._settlement(), self.deadline)

    def close(self, error: BaseException | None) -> None:
        """End it, whatever it came to; what is not settled is settled in the background."""
        if self._is_settled:
            return
        self._is_settled = True
        if error is None or isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._log.abandon(AttemptOutcome.CANCELLED, CLIENT_GONE)
        else:
            outcome = AttemptOutcome.CUT if self.has_content else AttemptOutcome.FAILED
            self._log.abandon(outcome, "deadline_exceeded" if isinstance(error, DeadlineExceeded) else EXECUTOR_LOST)
        if self._spend_id is not None or self._log.attempts:
            self._settling.defer(self._settlement())

    def _settlement(self) -> Settlement:
        routed = self.routed
        return Settlement(
            request_id=routed.request_id,
            account=routed.account,
            attempts=self.attempts,
            catalog_version=routed.decision.catalog_version,
            spend_id=self._spend_id,
            category=routed.judgement.category if routed.judgement is not None else None,
            decision_id=routed.decision_id or None,
            predicted_success=self._predicted_success(),
        )

    def _predicted_success(self) -> float | None:
        """What ability alone foretold of the model that gave the whole answer; None where none did."""
        whole = [attempt.model_id for attempt in self.attempts if attempt.outcome is AttemptOutcome.SUCCEEDED]
        ranking = self.routed.decision.ranking
        return next((candidate.predicted_success for candidate in ranking if whole and candidate.model.id == whole[-1]), None)
