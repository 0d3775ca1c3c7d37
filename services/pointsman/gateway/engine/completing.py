"""Runs a decision: opens the spend, has the executor call providers, and gives the completion under way."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from pointsman.gateway.core.catalog import Capability, Location
from pointsman.gateway.core.routing import RankedCandidate
from pointsman.gateway.engine.attempt_log import AttemptLog
from pointsman.gateway.engine.call_plan import CallPlan, plan_calls
from pointsman.gateway.engine.completion import Completion
from pointsman.gateway.engine.decision_terms import least
from pointsman.gateway.engine.measures import NONE, Measures, Stage
from pointsman.gateway.engine.routing import CAUSE_ATTRIBUTE, DECISION_ATTRIBUTE, MODEL_ATTRIBUTE, Order, Routed, outcome_of
from pointsman.gateway.engine.settling import Settling
from pointsman.gateway.engine.spending import Spending
from pointsman.gateway.ports import CompletionCall, Executor
from pointsman.kit.deadline import Deadline

SERVED_ATTRIBUTE = "gen_ai.response.model"


class Body(Protocol):
    """What is asked of the provider, in OpenAI's form."""

    def render(self, *, system_prompt: str | None, output_token_limit: int | None) -> bytes:
        """The JSON, with a system message put first and the completion held to a limit where given."""


@dataclass(frozen=True, slots=True)
class TimeAllowed:
    """How long a request may take, from `started_s` of the monotonic clock."""

    started_s: float
    usual_s: float
    slow_s: float  # where a local or a reasoning model may answer: it may have to be loaded, or think
    asked_s: float | None = None  # what the caller asked for

    def deadline(self, candidates: tuple[RankedCandidate, ...] = ()) -> Deadline:
        """The deadline, given who may answer."""
        allowed_s = self.slow_s if any(is_slow(candidate) for candidate in candidates) else self.usual_s
        return Deadline.after(self.asked_s or allowed_s, now_s=self.started_s)


def is_slow(candidate: RankedCandidate) -> bool:
    """True for models that take minutes without being broken."""
    model = candidate.model
    return model.provider.location is Location.LOCAL or Capability.REASONING in model.capabilities


class Completing:
    """Runs completions."""

    def __init__(
        self,
        *,
        executor: Executor,
        spending: Spending,
        settling: Settling,
        measures: Measures,
        now_s: Callable[[], float] = time.monotonic,
        time_s: Callable[[], float] = time.time,
    ) -> None:
        """Take the services."""
        self._executor = executor
        self._spending = spending
        self._settling = settling
        self._measures = measures
        self._now_s = now_s
        self._time_s = time_s

    @asynccontextmanager
    async def run(self, routed: Routed, order: Order, body: Body, *, stream: bool, time_allowed: TimeAllowed) -> AsyncIterator[Completion]:
        """The same as `call`, of a request that is counted at its end."""
        completion: Completion | None = None
        error: BaseException | None = None
        try:
            async with self.call(routed, order, body, stream=stream, time_allowed=time_allowed) as completion:
                yield completion
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._count(routed, completion, error, self._now_s() - time_allowed.started_s)

    @asynccontextmanager
    async def call(self, routed: Routed, order: Order, body: Body, *, stream: bool, time_allowed: TimeAllowed) -> AsyncIterator[Completion]:
        """A completion under way; leaving the context cancels it and settles what was used.

        Raises ServiceError where nothing may be spent and nothing is free.
        """
        completion: Completion | None = None
        error: BaseException | None = None
        try:
            async with AsyncExitStack() as execution:
                completion, plan = await self._open(routed, order, execution, time_allowed)
                call = completion_call(routed, order, body, plan, stream=stream)
                await self._call(completion, call, execution)
                yield completion
        except BaseException as raised:
            error = raised
            raise
        finally:
            if completion is not None:
                completion.close(error)

    async def _open(
        self, routed: Routed, order: Order, execution: AsyncExitStack, time_allowed: TimeAllowed
    ) -> tuple[Completion, CallPlan]:
        """Open the spend. After it nothing is awaited, so that no reservation is left behind."""
        plan = plan_calls(
            routed.decision.ranking,
            max_attempts=routed.request.constraints.max_attempts,
            choice_count=order.choice_count,
            has_caller_key=order.caller_api_key is not None,
        )
        deadline = time_allowed.deadline(plan.candidates)
        with self._measures.stage(Stage.OPEN_SPEND):
            plan, spend_id = await self._spending.open(
                plan,
                request_id=order.request_id,
                account=order.account,
                catalog_version=routed.decision.catalog_version,
                deadline=deadline,
            )
        completion = Completion(
            routed=routed,
            log=self._log(routed),
            settling=self._settling,
            measures=self._measures,
            execution=execution,
            spend_id=spend_id,
            deadline=deadline,
        )
        return completion, plan

    async def _call(self, completion: Completion, call: CompletionCall, execution: AsyncExitStack) -> None:
        """Call the executor, in a span and on the clock until `execution` ends."""
        started_s = self._now_s()
        decision = {DECISION_ATTRIBUTE: completion.routed.decision_id, MODEL_ATTRIBUTE: call.candidate_model_ids[0]}
        span = execution.enter_context(self._measures.span(Stage.EXECUTE, decision))

        def tell() -> None:
            self._measures.take_time(Stage.EXECUTE, self._now_s() - started_s - completion.provider_s)
            span.set_attribute(CAUSE_ATTRIBUTE, completion.cause.value)
            if completion.served is not None:
                span.set_attribute(SERVED_ATTRIBUTE, completion.served.model_id)

        execution.callback(tell)
        completion.events = await execution.enter_async_context(self._executor.stream_completion(call, deadline=completion.deadline))

    def _count(self, routed: Routed, completion: Completion | None, error: BaseException | None, elapsed_s: float) -> None:
        """Count the request, which has ended."""
        if completion is None:
            self._measures.count_request(outcome_of(routed, NONE, NONE, routed.decision.cause, error))
            return
        served = completion.served
        model_id, provider_id = (NONE, NONE) if served is None else (served.model_id, served.provider_id)
        self._measures.count_request(outcome_of(routed, model_id, provider_id, completion.cause, error), completion.attempts)
        self._measures.take_time(Stage.TOTAL, elapsed_s - completion.provider_s - routed.judge_s)

    def _log(self, routed: Routed) -> AttemptLog:
        request = routed.request
        return AttemptLog(
            catalog=routed.catalog,
            image_count=request.image_count,
            input_token_count=routed.decision.input_token_count,
            has_caller_key=request.has_caller_key,
            now_s=self._now_s,
            time_s=self._time_s,
        )


def completion_call(routed: Routed, order: Order, body: Body, plan: CallPlan, *, stream: bool) -> CompletionCall:
    """What the executor is asked."""
    agent = routed.request.agent
    return CompletionCall(
        request_id=order.request_id,
        catalog_version=routed.decision.catalog_version,
        candidate_model_ids=tuple(candidate.model.id for candidate in plan.candidates),
        body=body.render(
            system_prompt=agent.system_prompt if agent is not None else None,
            output_token_limit=output_token_limit(routed, order),
        ),
        stream=stream,
        max_attempts=plan.max_attempts,
        caller_api_key=order.caller_api_key,
    )


def output_token_limit(routed: Routed, order: Order) -> int | None:
    """What the body is held to where the request's own limit, if it has one, is not enough."""
    allowed = least(routed.decision.output_token_limit, routed.request.max_output_token_count)
    return None if allowed == order.max_output_token_count else allowed
