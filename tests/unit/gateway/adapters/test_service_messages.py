"""What the services say, from their wire form and to it."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.classifier.v1 import classifier_pb2
from pointsman.api.config.v1 import config_pb2
from pointsman.api.executor.v1 import executor_pb2 as pb
from pointsman.gateway.adapters.classification_snapshot import rules_of
from pointsman.gateway.adapters.classifier_client import judgement_of
from pointsman.gateway.adapters.executor_client import conditions_of, event_of
from pointsman.gateway.adapters.peer_errors import as_callers_see
from pointsman.gateway.adapters.usage_messages import attempt_message, attempt_of
from pointsman.gateway.core.judgement import ClassificationMethod, Difficulty
from pointsman.gateway.core.routing import ModelCondition, ProviderCondition
from pointsman.gateway.ports import (
    Attempt,
    AttemptFinished,
    AttemptOutcome,
    AttemptStarted,
    BilledTo,
    Chunk,
    CompletionDone,
    CompletionFailed,
    MeasuredUsage,
)
from pointsman.kit.errors import Overloaded, PreconditionRequired, Unauthenticated, Unavailable

ATTEMPT = Attempt(
    attempt_id="att_1",
    number=2,
    model_id="m",
    provider_id="p",
    outcome=AttemptOutcome.CUT,
    start_time_s=1_700_000_000.25,
    latency_s=0.5,
    failure_reason="provider_timeout",
    provider_status_code=200,
    usage=MeasuredUsage(1, 2, 3, 4, 5, estimated=True),
    time_to_first_token_s=0.125,
    billed_to=BilledTo.CALLER,
    cost_nanousd=7,
)
BARE = Attempt("att_2", 1, "m", "p", AttemptOutcome.FAILED, 1_700_000_000.0, 0.5)


def test_an_attempt_goes_out_and_comes_in_as_it_is() -> None:
    message = attempt_message(ATTEMPT)
    assert message.cost_nanousd == 7
    assert attempt_of(message) == ATTEMPT


def test_what_an_attempt_does_not_say_stays_unset() -> None:
    message = attempt_message(BARE)
    unset = ("usage", "time_to_first_token", "cost_nanousd", "provider_status_code")
    assert not any(message.HasField(name) for name in unset)  # type: ignore[arg-type]  # names of the message's fields
    assert attempt_of(message) == BARE


EVENTS = {
    "started": (
        pb.StreamCompletionResponse(attempt_started=pb.AttemptStarted(number=1, model_id="m", provider_id="p")),
        AttemptStarted(1, "m", "p"),
    ),
    "chunk": (pb.StreamCompletionResponse(chunk=pb.CompletionChunk(events=b"data: {}\n\n")), Chunk(b"data: {}\n\n")),
    "finished": (pb.StreamCompletionResponse(attempt_finished=pb.AttemptFinished(attempt=attempt_message(BARE))), AttemptFinished(BARE)),
    "done": (pb.StreamCompletionResponse(done=pb.CompletionDone(finish_reason="stop")), CompletionDone("stop", None)),
    "failed": (
        pb.StreamCompletionResponse(failed=pb.CompletionFailed(reason="rate_limit_exceeded", message="m", retry_after=Duration(seconds=3))),
        CompletionFailed("rate_limit_exceeded", "m", None, 3.0),
    ),
    "of a newer executor": (pb.StreamCompletionResponse(), None),
}


@pytest.mark.parametrize(("message", "event"), EVENTS.values(), ids=EVENTS)
def test_events_are_read(message: pb.StreamCompletionResponse, event: object) -> None:
    assert event_of(message) == event


def test_conditions_are_read() -> None:
    message = pb.WatchProviderStatesResponse(
        providers=[
            pb.ProviderState(provider_id="a", callable=False, not_callable_reason="set A_KEY"),
            pb.ProviderState(provider_id="b", callable=True, listed_upstreams=["x"], check_time=Timestamp(seconds=9)),
        ],
        models=[
            pb.ModelState(
                model_id="m",
                breaker=pb.BREAKER_STATE_OPEN,
                availability=0.5,
                time_to_first_token=Duration(seconds=2),
                output_tokens_per_s=9,
            ),
            pb.ModelState(model_id="n", breaker=pb.BREAKER_STATE_HALF_OPEN, in_flight_count=2, queued_count=3),
        ],
    )
    conditions = conditions_of(message)
    assert conditions.providers == {"a": ProviderCondition(False, "set A_KEY"), "b": ProviderCondition(True, None, frozenset({"x"}), 9.0)}
    busy = ModelCondition(is_half_open=True, in_flight_count=2, queued_count=3)
    assert conditions.models == {"m": ModelCondition(True, 0.5, 2.0, 9.0), "n": busy}


def test_a_judgement_is_read() -> None:
    message = classifier_pb2.Classification(
        category="coding",
        category_probabilities={"coding": 1.0},
        difficulty_logit=-1.0,
        discrimination=1.1,
        difficulty=classifier_pb2.DIFFICULTY_EASY,
        method=classifier_pb2.CLASSIFICATION_METHOD_HYBRID,
        nearest_examples=[classifier_pb2.NearestExample(text="t", category="coding", similarity=0.9)],
        version="v",
        is_unsure=True,
        skills={"crux": 0.8},
        timings=classifier_pb2.ClassificationTimings(total=Duration(nanos=2_400_000)),
    )
    judgement = judgement_of(message)
    assert (judgement.difficulty, judgement.method, judgement.total_s) == (Difficulty.EASY, ClassificationMethod.HYBRID, 0.0024)
    assert (judgement.ml_confidence, judgement.encoder, judgement.nearest_examples[0].text) == (None, None, "t")
    assert judgement.is_unsure
    assert judgement.skills == {"crux": 0.8}


def test_a_judgement_of_no_known_difficulty_is_none() -> None:
    with pytest.raises(Unavailable):
        judgement_of(classifier_pb2.Classification(category="coding", method=classifier_pb2.CLASSIFICATION_METHOD_HYBRID))


def test_rules_judge_and_say_that_they_are_a_stopgap() -> None:
    rule = config_pb2.KeywordRule(name="python", category="coding", pattern=r"\bpython\b", weight=3.0)
    added = config_pb2.Category(name="spells", description="d", examples=["e"])
    content = config_pb2.ClassificationConfig(keyword_rules=[rule], added_categories=[added])
    rules = rules_of(config_pb2.ConfigSnapshot(classification=content), now_s=lambda: 0.0)
    judgement = rules.judge("sort a list in Python")
    assert (judgement.category, judgement.method, judgement.matched_rules) == ("coding", ClassificationMethod.DEGRADED, ("coding/python",))
    assert "spells" in rules.categories
    assert not judgement.is_unsure
    assert rules.judge("hm").is_unsure, "no rule matches, and no category is as probable as not"


def test_rules_that_cannot_be_compiled_are_refused() -> None:
    rule = config_pb2.KeywordRule(name="back", category="coding", pattern=r"(a)\1", weight=1.0)
    with pytest.raises(ValueError, match="back"):
        rules_of(config_pb2.ConfigSnapshot(classification=config_pb2.ClassificationConfig(keyword_rules=[rule])))


def test_a_services_own_trouble_is_not_told_as_the_callers() -> None:
    for error in (Unauthenticated("invalid_api_key", "token"), PreconditionRequired("precondition_required", "version")):
        seen = as_callers_see(error, "executor")
        assert (seen.reason, seen.message) == ("dependency_down", "the executor cannot be used now")
    busy = Overloaded("overloaded", "busy")
    assert as_callers_see(busy, "executor") is busy
