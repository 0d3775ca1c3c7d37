"""One completion over its candidates: decide, call, decide again."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from pointsman.executor.core.catalog import Catalog, Model, Provider, ProviderKind
from pointsman.executor.core.completion import (
    Attempt,
    AttemptFinished,
    AttemptOutcome,
    Chunk,
    CompletionRequest,
    Done,
    Event,
    Failed,
)
from pointsman.executor.core.faults import Blame, Fault
from pointsman.executor.core.fleet import Fleet, Permit, Readiness
from pointsman.executor.core.plan import CandidateView, GiveUp, Situation, Tried, Wait, after_wait, may_retry, next_step
from pointsman.executor.core.ports import ProviderCaller
from pointsman.executor.core.timers import timers_of
from pointsman.executor.core.translation import Translator
from pointsman.executor.engine.attempt import AttemptRun, Target
from pointsman.executor.engine.call_span import attributes_of, note_attempt, span_name
from pointsman.executor.engine.catalogs import CatalogHistory
from pointsman.executor.engine.metrics import ExecutorMetrics
from pointsman.executor.engine.provider_states import ProviderStates
from pointsman.executor.names import ATTEMPT_FINISHED
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.logging import Logger
from pointsman.kit.tracing import SpanKind, Tracing

CALLERS_KEY_PROVIDER_ID = "openai"  # API: a caller's own key is used with this provider and no other


class CompletionEngine:
    """Runs completions. Its clocks, dice and ids are handed in."""

    def __init__(
        self,
        *,
        catalogs: CatalogHistory,
        states: ProviderStates,
        fleet: Fleet,
        callers: Mapping[ProviderKind, ProviderCaller],
        translators: Mapping[ProviderKind, Translator],
        now: Callable[[], float],
        wall_time: Callable[[], float],
        draw: Callable[[], float],
        new_attempt_id: Callable[[], str],
        metrics: ExecutorMetrics,
        tracing: Tracing,
        log: Logger,
    ) -> None:
        """now: monotonic seconds, those of the deadlines. wall_time: seconds since 1970. draw: uniform in [0, 1)."""
        self._catalogs = catalogs
        self._states = states
        self._fleet = fleet
        self._callers = callers
        self._translators = translators
        self._now = now
        self._wall_time = wall_time
        self._draw = draw
        self._new_attempt_id = new_attempt_id
        self._metrics = metrics
        self._tracing = tracing
        self._log = log
        self._active_request_count = 0
        self._active_retry_count = 0

    async def stream(self, request: CompletionRequest, *, deadline_s: float) -> AsyncGenerator[Event, None]:
        """Events of one completion, the last of them Done or Failed. Closing it cancels the provider's call.

        Raises InvalidArgument and PreconditionRequired before any call.
        """
        catalog = await self._catalogs.at(request.catalog_version)
        models = [_model_in(catalog, model_id) for model_id in request.candidate_model_ids]
        self._active_request_count += 1
        try:
            async with aclosing(self._run(request, catalog, models, deadline_s)) as events:
                async for event in events:
                    yield event
        finally:
            self._active_request_count -= 1

    async def _run(
        self, request: CompletionRequest, catalog: Catalog, models: Sequence[Model], deadline_s: float
    ) -> AsyncGenerator[Event, None]:
        tried: list[Tried] = []
        is_retry = False
        while True:
            step = next_step(self._views(request, catalog, models), tried, self._situation(request, tried, deadline_s))
            if isinstance(step, GiveUp):
                yield Failed(step.reason, step.message, step.provider_id, step.retry_after_s)
                return
            is_retry = isinstance(step, Wait)
            self._active_retry_count += is_retry
            try:
                if isinstance(step, Wait):
                    await asyncio.sleep(step.delay_s)
                    call = after_wait(step, self._views(request, catalog, models))
                    if call is None:
                        continue
                    step = call
                    self._metrics.count_retry(models[step.candidate])
                run = self._prepare(request, catalog, models[step.candidate], len(tried) + 1, deadline_s)
                async with aclosing(self._attempt(run, catalog)) as events:
                    async for event in events:
                        yield event
            finally:
                self._active_retry_count -= is_retry
            if run.fault is None:
                yield Done(run.finish_reason, run.body)
                return
            if run.has_content:
                fault = run.fault
                yield Failed(fault.reason, fault.message, run.target.provider.id, fault.retry_after_s, after_content=True)
                return
            tried.append(Tried(step.candidate, run.fault))

    async def _attempt(self, run: AttemptRun, catalog: Catalog) -> AsyncGenerator[Event, None]:
        """Events of one call. Where the caller leaves, what it got is booked by the gateway, and here logged."""
        target = run.target
        permit = self._fleet.begin(target.model, catalog.version, with_own_key=target.caller_api_key is None)
        address = target.caller.server_address(target.provider)
        attributes = attributes_of(target.model, address, stream=run.is_streamed)
        is_cancelled = True
        with self._tracing.span(span_name(target.model), kind=SpanKind.CLIENT, attributes=attributes) as span:
            try:
                yield run.started()
                async with aclosing(run.chunks()) as chunks:
                    async for chunk in chunks:
                        yield Chunk(chunk)
                is_cancelled = False
            finally:
                attempt = run.record(is_cancelled=is_cancelled)
                note_attempt(span, attempt)
                self._settle(permit, attempt, None if is_cancelled else run.fault)
        yield AttemptFinished(attempt)

    def _settle(self, permit: Permit, attempt: Attempt, fault: Fault | None) -> None:
        """Remember and log how a call ended."""
        now_s = self._now()
        state_before = permit.record.breaker.state(now_s)
        if attempt.outcome is AttemptOutcome.CANCELLED:
            self._fleet.ignore(permit)
        elif fault is not None:
            self._fleet.fail(permit, fault, now_s)
        else:
            self._fleet.succeed(permit, attempt, now_s)
        self._metrics.count_attempt(attempt)
        has_answered = attempt.provider_status_code is not None
        if has_answered or (fault is not None and fault.blame is Blame.PROVIDER):
            self._states.note_call(attempt.provider_id, has_answered=has_answered)
        if fault is not None:
            self._states.refresh()
        if permit.record.breaker.state(now_s) is not state_before:
            self._states.announce()
        self._log.info(
            ATTEMPT_FINISHED,
            attempt_id=attempt.attempt_id,
            number=attempt.number,
            model=attempt.model_id,
            provider=attempt.provider_id,
            outcome=attempt.outcome.value,
            reason=attempt.failure_reason.value if attempt.failure_reason else None,
            provider_status_code=attempt.provider_status_code,
            duration_s=round(attempt.latency_s, 6),
        )

    def _prepare(self, request: CompletionRequest, catalog: Catalog, model: Model, number: int, deadline_s: float) -> AttemptRun:
        provider = catalog.provider_of(model)
        target = Target(
            model,
            provider,
            self._translators[provider.kind],
            self._callers[provider.kind],
            timers_of(model, provider, stream=request.stream),
            _callers_key(request, provider),
        )
        return AttemptRun(
            target,
            request,
            attempt_id=self._new_attempt_id(),
            number=number,
            deadline_s=deadline_s,
            now=self._now,
            wall_time=self._wall_time,
        )

    def _views(self, request: CompletionRequest, catalog: Catalog, models: Sequence[Model]) -> list[CandidateView]:
        now_s = self._now()
        return [CandidateView(model.id, model.provider_id, self._readiness(request, catalog, model, now_s)) for model in models]

    def _readiness(self, request: CompletionRequest, catalog: Catalog, model: Model, now_s: float) -> Readiness:
        provider = catalog.provider_of(model)
        with_own_key = _callers_key(request, provider) is None
        refusal = self._states.refusal_of(provider, model, with_own_key=with_own_key)
        if refusal is not None:
            return refusal
        return self._fleet.readiness(model, catalog.version, now_s, with_own_key=with_own_key)

    def _situation(self, request: CompletionRequest, tried: Sequence[Tried], deadline_s: float) -> Situation:
        return Situation(
            now_s=self._now(),
            deadline_s=deadline_s,
            attempts_left=request.max_attempts - len(tried),
            may_retry=may_retry(self._active_retry_count, self._active_request_count),
            u=self._draw(),
        )


def _callers_key(request: CompletionRequest, provider: Provider) -> str | None:
    return request.caller_api_key if provider.id == CALLERS_KEY_PROVIDER_ID else None


def _model_in(catalog: Catalog, model_id: str) -> Model:
    model = catalog.models.get(model_id)
    if model is None:
        raise InvalidArgument("invalid_value", f"model {model_id} is not in catalogue version {catalog.version.number}", param="model")
    return model
