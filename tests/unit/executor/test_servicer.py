"""What comes in is checked; what goes out is in the proto's words."""

import pytest

from pointsman.api.executor.v1 import executor_pb2 as pb
from pointsman.api.usage.v1 import usage_pb2
from pointsman.executor.core.breaker import BreakerState
from pointsman.executor.core.callability import Callability
from pointsman.executor.core.completion import Attempt, AttemptFinished, AttemptOutcome, AttemptStarted, Chunk, Done, Failed
from pointsman.executor.core.faults import FailureReason
from pointsman.executor.core.fleet import ModelState
from pointsman.executor.core.usage import TokenUsage
from pointsman.executor.engine.provider_states import ProviderState
from pointsman.executor.servicer import message_of, model_message_of, provider_message_of, request_of
from pointsman.kit.errors import InvalidArgument

BODY = b'{"messages":[]}'

BAD = {
    "no candidate": pb.StreamCompletionRequest(body=BODY),
    "too many candidates": pb.StreamCompletionRequest(body=BODY, candidate_model_ids=[f"m{number}" for number in range(17)]),
    "too many attempts": pb.StreamCompletionRequest(body=BODY, candidate_model_ids=["m"], max_attempts=4),
    "negative attempts": pb.StreamCompletionRequest(body=BODY, candidate_model_ids=["m"], max_attempts=-1),
    "no body": pb.StreamCompletionRequest(candidate_model_ids=["m"]),
    "no JSON": pb.StreamCompletionRequest(candidate_model_ids=["m"], body=b"{"),
    "no object": pb.StreamCompletionRequest(candidate_model_ids=["m"], body=b"[]"),
    "NaN": pb.StreamCompletionRequest(candidate_model_ids=["m"], body=b'{"temperature":NaN}'),
}


@pytest.mark.parametrize("request_", BAD.values(), ids=BAD.keys())
def test_bad_request_is_refused(request_: pb.StreamCompletionRequest) -> None:
    with pytest.raises(InvalidArgument):
        request_of(request_)


def test_request_has_defaults_and_each_candidate_once() -> None:
    request = request_of(pb.StreamCompletionRequest(body=BODY, candidate_model_ids=["a", "b", "a"]))
    assert (request.candidate_model_ids, request.max_attempts, request.caller_api_key) == (("a", "b"), 3, None)


ATTEMPT = Attempt(
    "att_1",
    2,
    "m",
    "p",
    AttemptOutcome.CUT,
    start_time_s=1_000.5,
    latency_s=0.25,
    failure_reason=FailureReason.PROVIDER_TIMEOUT,
    provider_status_code=200,
    usage=TokenUsage(3, 2, estimated=True),
    billed_to_caller=True,
)


def test_events_are_in_the_protos_words() -> None:
    assert message_of(AttemptStarted(1, "m", "p")).attempt_started == pb.AttemptStarted(number=1, model_id="m", provider_id="p")
    assert message_of(Chunk(b"data: {}\n\n")).chunk.events == b"data: {}\n\n"
    assert message_of(Done("stop", b"{}")).done == pb.CompletionDone(finish_reason="stop", body=b"{}")
    failed = message_of(Failed(FailureReason.PROVIDER_ERROR, "broke", "p", 1.5, after_content=True)).failed
    assert (failed.reason, failed.message, failed.provider_id, failed.after_content) == ("provider_error", "broke", "p", True)
    assert failed.retry_after.ToMilliseconds() == 1_500
    assert not message_of(Failed(FailureReason.PROVIDER_ERROR, "broke")).failed.HasField("retry_after")


def test_attempt_is_whole_and_without_cost() -> None:
    attempt = message_of(AttemptFinished(ATTEMPT)).attempt_finished.attempt
    assert (attempt.outcome, attempt.failure_reason, attempt.billed_to) == (
        usage_pb2.ATTEMPT_OUTCOME_CUT,
        "provider_timeout",
        usage_pb2.BILLED_TO_CALLER,
    )
    assert (attempt.start_time.ToMilliseconds(), attempt.latency.ToMilliseconds(), attempt.usage.output_token_count) == (1_000_500, 250, 2)
    assert not attempt.HasField("cost_nanousd")
    assert not attempt.HasField("time_to_first_token")


def test_states_are_in_the_protos_words() -> None:
    state = provider_message_of(ProviderState("p", Callability("KEY is not set", listed=frozenset({"b:1", "a"})), 1.0))
    assert (state.callable, state.not_callable_reason, list(state.listed_upstreams)) == (False, "KEY is not set", ["a", "a:latest", "b:1"])
    model = model_message_of(ModelState("m", BreakerState.OPEN, None, None, None, 2))
    assert (model.breaker, model.HasField("availability"), model.HasField("time_to_first_token")) == (pb.BREAKER_STATE_OPEN, False, False)
