"""Attempts and their usage, from their wire form and to it."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.usage.v1 import usage_pb2 as pb
from pointsman.gateway.adapters.catalog_snapshot import seconds_of
from pointsman.gateway.ports import Attempt, AttemptOutcome, BilledTo, MeasuredUsage

NANOS_PER_S = 1_000_000_000
MICROS_PER_S = 1_000_000

OUTCOMES = {
    pb.ATTEMPT_OUTCOME_SUCCEEDED: AttemptOutcome.SUCCEEDED,
    pb.ATTEMPT_OUTCOME_FAILED: AttemptOutcome.FAILED,
    pb.ATTEMPT_OUTCOME_CUT: AttemptOutcome.CUT,
    pb.ATTEMPT_OUTCOME_CANCELLED: AttemptOutcome.CANCELLED,
}
OUTCOME_MESSAGES = {outcome: message for message, outcome in OUTCOMES.items()}
BILLED_TO = {pb.BILLED_TO_OPERATOR: BilledTo.OPERATOR, pb.BILLED_TO_CALLER: BilledTo.CALLER}
BILLED_TO_MESSAGES = {billed_to: message for message, billed_to in BILLED_TO.items()}


def duration_message(seconds: float) -> Duration:
    """A duration in its wire form."""
    duration = Duration()
    duration.FromNanoseconds(round(seconds * NANOS_PER_S))
    return duration


def timestamp_message(unix_s: float) -> Timestamp:
    """A point in time in its wire form."""
    timestamp = Timestamp()
    timestamp.FromMicroseconds(round(unix_s * MICROS_PER_S))  # a double holds no more of today's date
    return timestamp


def unix_seconds_of(timestamp: Timestamp) -> float:
    """A point in time in seconds of the Unix epoch."""
    return float(timestamp.seconds) + timestamp.nanos / NANOS_PER_S


def attempt_of(message: pb.Attempt) -> Attempt:
    """An attempt from its wire form. What it does not say counts as failed, and as the operator's."""
    return Attempt(
        attempt_id=message.attempt_id,
        number=message.number,
        model_id=message.model_id,
        provider_id=message.provider_id,
        outcome=OUTCOMES.get(message.outcome, AttemptOutcome.FAILED),
        start_time_s=unix_seconds_of(message.start_time),
        latency_s=seconds_of(message.latency),
        failure_reason=message.failure_reason or None,
        provider_status_code=message.provider_status_code if message.HasField("provider_status_code") else None,
        usage=_usage(message.usage) if message.HasField("usage") else None,
        time_to_first_token_s=seconds_of(message.time_to_first_token) if message.HasField("time_to_first_token") else None,
        billed_to=BILLED_TO.get(message.billed_to, BilledTo.OPERATOR),
        cost_nanousd=message.cost_nanousd if message.HasField("cost_nanousd") else None,
    )


def attempt_message(attempt: Attempt) -> pb.Attempt:
    """An attempt in its wire form, with its cost."""
    message = pb.Attempt(
        attempt_id=attempt.attempt_id,
        number=attempt.number,
        model_id=attempt.model_id,
        provider_id=attempt.provider_id,
        outcome=OUTCOME_MESSAGES[attempt.outcome],
        failure_reason=attempt.failure_reason or "",
        provider_status_code=attempt.provider_status_code,
        start_time=timestamp_message(attempt.start_time_s),
        latency=duration_message(attempt.latency_s),
        billed_to=BILLED_TO_MESSAGES[attempt.billed_to],
        cost_nanousd=attempt.cost_nanousd,
    )
    if attempt.usage is not None:
        message.usage.CopyFrom(_usage_message(attempt.usage))
    if attempt.time_to_first_token_s is not None:
        message.time_to_first_token.CopyFrom(duration_message(attempt.time_to_first_token_s))
    return message


def _usage(message: pb.TokenUsage) -> MeasuredUsage:
    return MeasuredUsage(
        input_token_count=message.input_token_count,
        output_token_count=message.output_token_count,
        cached_input_token_count=message.cached_input_token_count,
        cache_write_token_count=message.cache_write_token_count,
        reasoning_token_count=message.reasoning_token_count,
        estimated=message.estimated,
    )


def _usage_message(usage: MeasuredUsage) -> pb.TokenUsage:
    return pb.TokenUsage(
        input_token_count=usage.input_token_count,
        output_token_count=usage.output_token_count,
        cached_input_token_count=usage.cached_input_token_count,
        cache_write_token_count=usage.cache_write_token_count,
        reasoning_token_count=usage.reasoning_token_count,
        estimated=usage.estimated,
    )
