"""What of a feedback is taken, and what is refused by name."""

import math

import pytest

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.kit.errors import InvalidArgument
from pointsman.ledger import feedback_translation
from pointsman.ledger.core.outcomes import OutcomeStat, OutcomeStats
from pointsman.ledger.core.values import Account, Feedback


def message(**changes: object) -> pb.RecordFeedbackRequest:
    made = pb.RecordFeedbackRequest(feedback_id="fbk_1", request_id="req_1", account=pb.Account(project_id="default"), value=0.5)
    made.MergeFrom(pb.RecordFeedbackRequest(**changes))  # type: ignore[arg-type]  # named by the tests
    return made


def test_a_feedback_is_read_and_its_words_are_not_in_its_repr() -> None:
    read = feedback_translation.feedback(message(metric="helpful", comment="a secret"))
    assert read == Feedback("fbk_1", Account("default"), "helpful", 0.5, "req_1", None, "a secret")
    assert "secret" not in repr(read)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_bounds_of_a_value_are_values(value: float) -> None:
    request = message()
    request.value = value
    assert feedback_translation.feedback(request).value == value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"decision_id": "dec_1"}, "request_id"),
        ({"value": 1.5}, "value"),
        ({"value": -0.1}, "value"),
        ({"value": math.nan}, "value"),
        ({"value": math.inf}, "value"),
        ({"metric": "m" * 65}, "metric"),
        ({"comment": "c" * 4_001}, "comment"),
        ({"feedback_id": "a/b"}, "feedback_id"),
        ({"account": pb.Account(project_id="p" * 257)}, "account.project_id"),
    ],
    ids=str,
)
def test_what_cannot_be_taken_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        feedback_translation.feedback(message(**changes))
    assert (caught.value.reason, caught.value.param) == ("invalid_value", field)


def test_a_feedback_about_nothing_is_refused() -> None:
    request = message()
    request.ClearField("request_id")
    with pytest.raises(InvalidArgument):
        feedback_translation.feedback(request)


def test_sums_travel_as_they_are_and_a_median_that_is_not_known_is_unset() -> None:
    known, unknown = OutcomeStat("m", "coding", 3, 2, 1.5, 1.25, 0), OutcomeStat("m", "", 1, 0, 0.0, 0.0, None)
    sent = feedback_translation.outcomes_message(OutcomeStats(7, (known, unknown)))
    assert sent.version == 7
    one = pb.OutcomeStat(
        model_id="m", category="coding", graded_count=2, grade_sum=1.5, answer_count=3, median_output_token_count=0, predicted_sum=1.25
    )
    assert list(sent.stats) == [one, pb.OutcomeStat(model_id="m", answer_count=1)]
