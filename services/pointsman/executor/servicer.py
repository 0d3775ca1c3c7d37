"""ExecutorService: checks what comes in, and puts events and states into the words of its proto."""
# ruff: noqa: N802, ARG002  # gRPC names the methods, and hands over what not every one needs

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc

from pointsman.api.config.v1 import config_pb2
from pointsman.api.executor.v1 import executor_pb2 as pb
from pointsman.api.executor.v1 import executor_pb2_grpc
from pointsman.api.status.v1 import status_pb2
from pointsman.api.usage.v1 import usage_pb2
from pointsman.executor.core.breaker import BreakerState
from pointsman.executor.core.catalog import CatalogVersion, other_name_of
from pointsman.executor.core.completion import (
    DEFAULT_MAX_ATTEMPTS,
    Attempt,
    AttemptFinished,
    AttemptOutcome,
    AttemptStarted,
    ChatRequest,
    Chunk,
    CompletionRequest,
    Done,
    Event,
    Failed,
)
from pointsman.executor.core.fleet import ModelState
from pointsman.executor.core.usage import TokenUsage
from pointsman.executor.engine.completion import CompletionEngine
from pointsman.executor.engine.provider_states import ProviderState, ProviderStates
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_loader import load_json
from pointsman.kit.request_context import request_deadline

MAX_CANDIDATES = 16  # the contract's limits, stated in the proto
MAX_BODY_BYTES = 40 << 20
BEAT_S = 1.0
# For the last event to reach the gateway before the call itself runs out.
DEADLINE_MARGIN_S = 0.05

BREAKERS = {
    BreakerState.CLOSED: pb.BREAKER_STATE_CLOSED,
    BreakerState.OPEN: pb.BREAKER_STATE_OPEN,
    BreakerState.HALF_OPEN: pb.BREAKER_STATE_HALF_OPEN,
}
OUTCOMES = {
    AttemptOutcome.SUCCEEDED: usage_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
    AttemptOutcome.FAILED: usage_pb2.ATTEMPT_OUTCOME_FAILED,
    AttemptOutcome.CUT: usage_pb2.ATTEMPT_OUTCOME_CUT,
    AttemptOutcome.CANCELLED: usage_pb2.ATTEMPT_OUTCOME_CANCELLED,
}

Context = grpc.aio.ServicerContext[Any, Any]  # typed by each method's messages, which none of them asks it for


class ExecutorServicer(executor_pb2_grpc.ExecutorServiceServicer):
    """Translates between proto and engine; decides nothing."""

    def __init__(self, engine: CompletionEngine, states: ProviderStates, report_status: Callable[[], status_pb2.ServiceStatus]) -> None:
        """Take the engine, the states, and what tells how the process is."""
        self._engine = engine
        self._states = states
        self._report_status = report_status

    async def StreamCompletion(self, request: pb.StreamCompletionRequest, context: Context) -> AsyncIterator[pb.StreamCompletionResponse]:
        """Run one completion."""
        deadline_s = request_deadline().earlier_by(DEADLINE_MARGIN_S).at_s
        async with aclosing(self._engine.stream(request_of(request), deadline_s=deadline_s)) as events:
            async for event in events:
                yield message_of(event)

    async def WatchProviderStates(
        self, request: pb.WatchProviderStatesRequest, context: Context
    ) -> AsyncIterator[pb.WatchProviderStatesResponse]:
        """Send the states at once, at each change, and each second."""
        while not self._states.has_ended:
            changed = self._states.next_change()
            version = self._states.version
            yield pb.WatchProviderStatesResponse(
                catalog_version=config_pb2.ConfigVersion(epoch=version.epoch, number=version.number),
                providers=map(provider_message_of, self._states.all),
                models=map(model_message_of, self._states.models),
            )
            try:
                async with asyncio.timeout(BEAT_S):
                    await changed.wait()
            except TimeoutError:
                continue

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """Tell how the service is."""
        return pb.GetStatusResponse(
            status=self._report_status(),
            providers=map(provider_message_of, self._states.all),
            models=map(model_message_of, self._states.models),
        )


def request_of(request: pb.StreamCompletionRequest) -> CompletionRequest:
    """The request, checked. Raises InvalidArgument."""
    if not 1 <= len(request.candidate_model_ids) <= MAX_CANDIDATES:
        raise InvalidArgument("invalid_value", f"candidate_model_ids: 1 to {MAX_CANDIDATES} are needed", param="candidate_model_ids")
    if not 0 <= request.max_attempts <= DEFAULT_MAX_ATTEMPTS:
        raise InvalidArgument("invalid_value", f"max_attempts: 1 to {DEFAULT_MAX_ATTEMPTS}", param="max_attempts")
    if len(request.body) > MAX_BODY_BYTES:
        raise InvalidArgument("body_too_large", f"body: larger than {MAX_BODY_BYTES >> 20} MiB", param="body")
    document = load_json(request.body)
    if not isinstance(document, dict):
        raise InvalidArgument("invalid_value", "body: is not an object", param="body")
    return CompletionRequest(
        catalog_version=CatalogVersion(request.catalog_version.epoch, request.catalog_version.number),
        candidate_model_ids=tuple(dict.fromkeys(request.candidate_model_ids)),
        chat=ChatRequest(document),
        stream=request.stream,
        max_attempts=request.max_attempts or DEFAULT_MAX_ATTEMPTS,
        caller_api_key=request.caller_api_key or None,
    )


def message_of(event: Event) -> pb.StreamCompletionResponse:
    """An event in its wire form."""
    match event:
        case Chunk(events):
            return pb.StreamCompletionResponse(chunk=pb.CompletionChunk(events=events))
        case AttemptStarted(number, model_id, provider_id):
            return pb.StreamCompletionResponse(attempt_started=pb.AttemptStarted(number=number, model_id=model_id, provider_id=provider_id))
        case AttemptFinished(attempt):
            return pb.StreamCompletionResponse(attempt_finished=pb.AttemptFinished(attempt=attempt_message_of(attempt)))
        case Done(finish_reason, body):
            return pb.StreamCompletionResponse(done=pb.CompletionDone(finish_reason=finish_reason, body=body or b""))
        case Failed():
            return pb.StreamCompletionResponse(failed=failed_message_of(event))


def failed_message_of(failed: Failed) -> pb.CompletionFailed:
    """A failure in its wire form."""
    message = pb.CompletionFailed(
        reason=failed.reason.value, message=failed.message, provider_id=failed.provider_id or "", after_content=failed.after_content
    )
    if failed.retry_after_s is not None:
        message.retry_after.FromNanoseconds(round(failed.retry_after_s * 1e9))
    return message


def attempt_message_of(attempt: Attempt) -> usage_pb2.Attempt:
    """An attempt in its wire form."""
    message = usage_pb2.Attempt(
        attempt_id=attempt.attempt_id,
        number=attempt.number,
        model_id=attempt.model_id,
        provider_id=attempt.provider_id,
        outcome=OUTCOMES[attempt.outcome],
        failure_reason=attempt.failure_reason.value if attempt.failure_reason else "",
        provider_status_code=attempt.provider_status_code,
        usage=usage_message_of(attempt.usage) if attempt.usage else None,
        billed_to=usage_pb2.BILLED_TO_CALLER if attempt.billed_to_caller else usage_pb2.BILLED_TO_OPERATOR,
    )
    message.start_time.FromNanoseconds(round(attempt.start_time_s * 1e9))
    message.latency.FromNanoseconds(round(attempt.latency_s * 1e9))
    if attempt.time_to_first_token_s is not None:
        message.time_to_first_token.FromNanoseconds(round(attempt.time_to_first_token_s * 1e9))
    return message


def usage_message_of(usage: TokenUsage) -> usage_pb2.TokenUsage:
    """Token counts in their wire form."""
    return usage_pb2.TokenUsage(
        input_token_count=usage.input_token_count,
        cached_input_token_count=usage.cached_input_token_count,
        cache_write_token_count=usage.cache_write_token_count,
        output_token_count=usage.output_token_count,
        reasoning_token_count=usage.reasoning_token_count,
        estimated=usage.estimated,
    )


def provider_message_of(state: ProviderState) -> pb.ProviderState:
    """A provider's state in its wire form."""
    message = pb.ProviderState(
        provider_id=state.provider_id,
        callable=state.callability.reason is None,
        not_callable_reason=state.callability.reason or "",
        listed_upstreams=sorted({name for listed in state.callability.listed or () for name in (listed, other_name_of(listed))}),
    )
    message.update_time.FromNanoseconds(round(state.update_time_s * 1e9))
    if state.check_time_s is not None:
        message.check_time.FromNanoseconds(round(state.check_time_s * 1e9))
    return message


def model_message_of(state: ModelState) -> pb.ModelState:
    """A model's state in its wire form."""
    message = pb.ModelState(
        model_id=state.model_id,
        breaker=BREAKERS[state.breaker],
        availability=state.availability,
        output_tokens_per_s=state.output_tokens_per_s,
        in_flight_count=state.in_flight_count,
        queued_count=state.queued_count,
    )
    if state.time_to_first_token_s is not None:
        message.time_to_first_token.FromNanoseconds(round(state.time_to_first_token_s * 1e9))
    return message
