"""The services that a gateway calls, in memory: they do what their ports promise, and fail where a test says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pointsman.gateway.core.judgement import Judgement
from pointsman.gateway.core.outcomes import Outcomes
from pointsman.gateway.core.routing import Conditions
from pointsman.gateway.outcome_ports import Feedback
from pointsman.gateway.ports import (
    Attempt,
    AttemptFinished,
    AttemptOutcome,
    AttemptStarted,
    Chunk,
    CompletionCall,
    CompletionDone,
    CompletionEvent,
    CompletionFailed,
    DecisionRecord,
    MeasuredUsage,
    PromptText,
    Settlement,
    Spend,
    SpoolEntry,
    Strategy,
)
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Conflict, InvalidArgument, NotFound, ServiceError, internal_error
from tests.unit.gateway.core.samples import judgement

START_S = 1_700_000_000.0


async def let_all_run() -> None:
    """Let every task go on until it waits for something that only time or the test brings."""
    for _ in range(100):
        await asyncio.sleep(0)


@dataclass
class FakeClassifier:
    """Answers what it is given; `error` makes it fail, `gate` makes it wait."""

    answer: Judgement = field(default_factory=judgement)
    error: ServiceError | None = None
    errors_by_strategy: dict[Strategy, ServiceError] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    calls: list[tuple[PromptText, Strategy]] = field(default_factory=list)

    async def classify(self, prompt: PromptText, *, strategy: Strategy, deadline: Deadline) -> Judgement:
        self.calls.append((prompt, strategy))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if strategy in self.errors_by_strategy:
            raise self.errors_by_strategy[strategy]
        return self.answer


Script = Callable[[CompletionCall], Sequence[CompletionEvent | ServiceError | asyncio.Event]]


def finished(
    model_id: str, *, number: int = 1, provider_id: str = "openai", usage: MeasuredUsage | None = None, reason: str | None = None
) -> AttemptFinished:
    """The end of a call, by default of one that used 10 tokens in and 20 out."""
    succeeded = reason is None
    return AttemptFinished(
        Attempt(
            attempt_id=f"att_{model_id}_{number}",
            number=number,
            model_id=model_id,
            provider_id=provider_id,
            outcome=AttemptOutcome.SUCCEEDED if succeeded else AttemptOutcome.FAILED,
            start_time_s=START_S,
            latency_s=0.25,
            failure_reason=reason,
            usage=usage or (MeasuredUsage(10, 20) if succeeded else None),
            time_to_first_token_s=0.1 if succeeded else None,
        )
    )


def text_chunk(model_id: str, text: str) -> Chunk:
    """One event with a piece of text."""
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model_id, "choices": [delta]}
    return Chunk(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def answer_body(model_id: str, text: str) -> bytes:
    """A whole chat completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model_id, "choices": [choice], "usage": usage}
    return json.dumps(answer).encode()


def says(*texts: str, provider_id: str = "openai") -> Script:
    """The first candidate says these pieces."""

    def script(call: CompletionCall) -> Sequence[CompletionEvent]:
        model_id = call.candidate_model_ids[0]
        start = AttemptStarted(1, model_id, provider_id)
        end = finished(model_id, provider_id=provider_id)
        if call.stream:
            return [start, *(text_chunk(model_id, text) for text in texts), end, CompletionDone("stop", None)]
        return [start, end, CompletionDone("stop", answer_body(model_id, "".join(texts)))]

    return script


def fails(reason: str, *, provider_id: str | None = "openai") -> Script:
    """The first candidate fails before any content, and no other is tried."""

    def script(call: CompletionCall) -> Sequence[CompletionEvent]:
        model_id = call.candidate_model_ids[0]
        start = AttemptStarted(1, model_id, provider_id or "openai")
        return [start, finished(model_id, reason=reason), CompletionFailed(reason, "it went wrong", provider_id)]

    return script


@dataclass
class FakeExecutor:
    """Plays a script: events are handed on, errors raised, events of asyncio waited for."""

    script: Script = field(default_factory=lambda: says("Hello", " there"))
    conditions: Sequence[Conditions] = ()
    calls: list[CompletionCall] = field(default_factory=list)
    left_early: int = 0

    @asynccontextmanager
    async def stream_completion(self, call: CompletionCall, *, deadline: Deadline) -> AsyncIterator[AsyncIterator[CompletionEvent]]:
        self.calls.append(call)
        steps = list(self.script(call))
        try:
            yield self._play(steps)
        finally:
            self.left_early += bool(steps)

    @asynccontextmanager
    async def watch_conditions(self, *, deadline: Deadline) -> AsyncIterator[AsyncIterator[Conditions]]:
        async def states() -> AsyncIterator[Conditions]:
            for conditions in self.conditions:
                yield conditions
            await asyncio.Event().wait()

        yield states()

    async def _play(self, steps: list[CompletionEvent | ServiceError | asyncio.Event]) -> AsyncIterator[CompletionEvent]:
        while steps:
            step = steps[0]
            if isinstance(step, asyncio.Event):
                await step.wait()
            steps.pop(0)
            if isinstance(step, asyncio.Event):
                continue
            if isinstance(step, ServiceError):
                raise step
            else:
                yield step


@dataclass
class FakeSpool:
    """Keeps entries in a list; `error` makes it fail, `gate` makes it wait."""

    error: ServiceError | None = None
    gate: asyncio.Event | None = None
    kept: list[SpoolEntry] = field(default_factory=list)

    async def append(self, entries: Sequence[SpoolEntry]) -> None:
        await self._write()
        self.kept += entries

    async def replace_all(self, entries: Sequence[SpoolEntry]) -> None:
        await self._write()
        self.kept = [*entries]

    async def _write(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error


@dataclass
class FakeLedger:
    """Books in lists; `error` makes every call fail, `crashes_at` the settlement of that request,
    `refuses_decision` every recording that holds that decision."""

    error: ServiceError | None = None
    crashes_at: str | None = None
    refuses_decision: str | None = None
    admits: int | None = None
    spends: list[Spend] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    records: dict[str, DecisionRecord] = field(default_factory=dict)

    async def open_spend(self, spend: Spend, *, deadline: Deadline) -> int:
        self._fail()
        self.spends.append(spend)
        return len(spend.planned_attempts) if self.admits is None else self.admits

    async def settle_spend(self, settlement: Settlement, *, deadline: Deadline) -> None:
        self._fail()
        if settlement.request_id == self.crashes_at:
            raise internal_error(None)
        self.settlements.append(settlement)

    async def record_decisions(self, records: Sequence[DecisionRecord], *, deadline: Deadline) -> None:
        self._fail()
        if any(record.decision_id == self.refuses_decision for record in records):
            raise InvalidArgument("invalid_value", "odd")
        for record in records:
            self.records.setdefault(record.decision_id, record)

    async def find_decision(self, decision_id: str, *, deadline: Deadline) -> DecisionRecord | None:
        self._fail()
        return self.records.get(decision_id)

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class FakeOutcomes:
    """Keeps feedback on the requests and decisions that it knows; `error` makes it fail.

    Each stream tells its own outcomes, and then is silent; `are_all_told` is set when one is opened that has nothing to tell.
    """

    error: ServiceError | None = None
    streams: list[list[Outcomes | ServiceError]] = field(default_factory=list)
    known: set[str] = field(default_factory=lambda: {"req_1", "dec_1"})
    kept: dict[str, Feedback] = field(default_factory=dict)
    are_all_told: asyncio.Event = field(default_factory=asyncio.Event)

    async def record_feedback(self, feedback: Feedback, *, deadline: Deadline) -> None:
        if self.error is not None:
            raise self.error
        if not self.known & {feedback.request_id, feedback.decision_id}:
            raise NotFound("decision_not_found", "no request or decision of this account has this id")
        if self.kept.setdefault(feedback.feedback_id, feedback) != feedback:
            raise Conflict("feedback_exists", "its name was used for another one", param="feedback_id")

    @asynccontextmanager
    async def watch_outcomes(self, *, deadline: Deadline) -> AsyncIterator[AsyncIterator[Outcomes]]:
        steps = self.streams.pop(0) if self.streams else []
        if not steps:
            self.are_all_told.set()

        async def told() -> AsyncIterator[Outcomes]:
            for step in steps:
                if isinstance(step, ServiceError):
                    raise step
                yield step
            await asyncio.Event().wait()

        yield told()
