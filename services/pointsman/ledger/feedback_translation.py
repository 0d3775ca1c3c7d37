"""Feedback from its proto, checked, and the sums of outcomes into theirs."""

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.ledger.core.outcomes import OutcomeStat, OutcomeStats
from pointsman.ledger.core.values import Feedback
from pointsman.ledger.translation import account, invalid, name, share, unique_name

MAX_METRIC_CHARACTERS = 64
MAX_COMMENT_CHARACTERS = 4_000


def feedback(message: pb.RecordFeedbackRequest) -> Feedback:
    """What somebody thought of an answer. Raises InvalidArgument."""
    if bool(message.request_id) == bool(message.decision_id):
        raise invalid("request_id", "exactly one of request_id and decision_id is asked for")
    return Feedback(
        feedback_id=unique_name(message.feedback_id, "feedback_id"),
        account=account(message.account, "account"),
        metric=_text(message.metric, "metric", most=MAX_METRIC_CHARACTERS),
        value=share(message.value, "value"),
        request_id=name(message.request_id, "request_id") if message.request_id else None,
        decision_id=name(message.decision_id, "decision_id") if message.decision_id else None,
        comment=_text(message.comment, "comment", most=MAX_COMMENT_CHARACTERS),
    )


def outcomes_message(outcomes: OutcomeStats) -> pb.WatchOutcomeStatsResponse:
    """All sums as they travel."""
    return pb.WatchOutcomeStatsResponse(version=outcomes.version, stats=map(_stat_message, outcomes.stats))


def _stat_message(stat: OutcomeStat) -> pb.OutcomeStat:
    return pb.OutcomeStat(
        model_id=stat.model_id,
        category=stat.category,
        graded_count=stat.graded_count,
        grade_sum=stat.grade_sum,
        answer_count=stat.answer_count,
        median_output_token_count=stat.median_output_token_count,
        predicted_sum=stat.predicted_sum,
    )


def _text(value: str, field: str, *, most: int) -> str:
    if len(value) > most:
        raise invalid(field, f"{len(value)} characters, at most {most} allowed")
    return value
