"""The executor over gRPC."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from pointsman.api.executor.v1 import executor_pb2 as pb
from pointsman.api.executor.v1 import executor_pb2_grpc
from pointsman.gateway.adapters.catalog_snapshot import seconds_of, version_message
from pointsman.gateway.adapters.peer_errors import as_callers_see
from pointsman.gateway.adapters.usage_messages import attempt_of, unix_seconds_of
from pointsman.gateway.core.routing import Conditions, ModelCondition, ProviderCondition
from pointsman.gateway.ports import (
    AttemptFinished,
    AttemptStarted,
    Chunk,
    CompletionCall,
    CompletionDone,
    CompletionEvent,
    CompletionFailed,
)
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError
from pointsman.kit.grpc_client import ServiceChannel

SERVICE = "pointsman.api.executor.v1.ExecutorService"
PEER = "executor"
MAX_MESSAGE_BYTES = 48 << 20  # what the executor takes: a body of up to 40 MiB and what goes with it


class ExecutorClient:
    """Implements the Executor port. No call is repeated: a completion may have been paid for."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel to the executor."""
        self._channel = channel
        self._stub = executor_pb2_grpc.ExecutorServiceStub(channel.channel)

    @asynccontextmanager
    async def stream_completion(self, call: CompletionCall, *, deadline: Deadline) -> AsyncIterator[AsyncIterator[CompletionEvent]]:
        """Events of one completion."""
        request = pb.StreamCompletionRequest(
            request_id=call.request_id,
            catalog_version=version_message(call.catalog_version),
            candidate_model_ids=call.candidate_model_ids,
            body=call.body,
            stream=call.stream,
            max_attempts=call.max_attempts,
            caller_api_key=call.caller_api_key or "",
        )
        stream = self._channel.stream(self._stub.StreamCompletion, request, deadline=deadline)
        # Nobody reads on after the last event: without `aclosing` the generator would be left to the garbage collector.
        async with stream as messages, aclosing(_events(messages)) as events:
            yield events

    @asynccontextmanager
    async def watch_conditions(self, *, deadline: Deadline) -> AsyncIterator[AsyncIterator[Conditions]]:
        """Conditions, whole, as they change."""
        request = pb.WatchProviderStatesRequest()
        async with self._channel.stream(self._stub.WatchProviderStates, request, deadline=deadline) as messages:
            yield _conditions(messages)


async def _events(messages: AsyncIterator[pb.StreamCompletionResponse]) -> AsyncGenerator[CompletionEvent, None]:
    try:
        async for message in messages:
            event = event_of(message)
            if event is not None:
                yield event
    except ServiceError as error:
        raise as_callers_see(error, PEER) from error


async def _conditions(messages: AsyncIterator[pb.WatchProviderStatesResponse]) -> AsyncIterator[Conditions]:
    async for message in messages:
        yield conditions_of(message)


def event_of(message: pb.StreamCompletionResponse) -> CompletionEvent | None:
    """An event from its wire form; None for one that a newer executor may send."""
    match message.WhichOneof("event"):
        case "chunk":
            return Chunk(message.chunk.events)
        case "attempt_started":
            started = message.attempt_started
            return AttemptStarted(started.number, started.model_id, started.provider_id)
        case "attempt_finished":
            return AttemptFinished(attempt_of(message.attempt_finished.attempt))
        case "done":
            return CompletionDone(message.done.finish_reason, message.done.body or None)
        case "failed":
            failed = message.failed
            return CompletionFailed(
                reason=failed.reason,
                message=failed.message,
                provider_id=failed.provider_id or None,
                retry_after_s=seconds_of(failed.retry_after) if failed.HasField("retry_after") else None,
                after_content=failed.after_content,
            )
        case _:
            return None


def conditions_of(message: pb.WatchProviderStatesResponse) -> Conditions:
    """Conditions from their wire form."""
    return Conditions(
        providers={state.provider_id: _provider_condition(state) for state in message.providers},
        models={state.model_id: _model_condition(state) for state in message.models},
    )


def _provider_condition(state: pb.ProviderState) -> ProviderCondition:
    return ProviderCondition(
        callable=state.callable,
        reason=state.not_callable_reason or None,
        listed_upstreams=frozenset(state.listed_upstreams),
        check_time_s=unix_seconds_of(state.check_time) if state.HasField("check_time") else None,
    )


def _model_condition(state: pb.ModelState) -> ModelCondition:
    return ModelCondition(
        circuit_open=state.breaker == pb.BREAKER_STATE_OPEN,
        availability=state.availability if state.HasField("availability") else None,
        time_to_first_token_s=seconds_of(state.time_to_first_token) if state.HasField("time_to_first_token") else None,
        output_tokens_per_s=state.output_tokens_per_s if state.HasField("output_tokens_per_s") else None,
        is_half_open=state.breaker == pb.BREAKER_STATE_HALF_OPEN,
        in_flight_count=state.in_flight_count,
        queued_count=state.queued_count,
    )
