"""Feedback and its outcomes: the ledger over gRPC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.ledger.v1 import ledger_pb2_grpc
from pointsman.gateway.adapters.ledger_messages import account_message
from pointsman.gateway.adapters.peer_errors import as_callers_see
from pointsman.gateway.core.outcomes import Outcomes, OutcomeStat, outcomes_of
from pointsman.gateway.outcome_ports import Feedback
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Conflict, NotFound, ServiceError
from pointsman.kit.grpc_client import ServiceChannel

PEER = "ledger"
# What the ledger says of the caller's own words. Another "not found" tells of the gateway's standing with it.
OF_THE_CALLER = {(NotFound, "decision_not_found"), (Conflict, "feedback_exists")}


class LedgerOutcomes:
    """Implements the OutcomeLedger port."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel to the ledger."""
        self._channel = channel
        self._stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)

    async def record_feedback(self, feedback: Feedback, *, deadline: Deadline) -> None:
        """Keep feedback."""
        try:
            await self._channel.call(self._stub.RecordFeedback, feedback_message(feedback), deadline=deadline)
        except ServiceError as error:
            if (type(error), error.reason) in OF_THE_CALLER:
                raise
            raise as_callers_see(error, PEER) from error

    @asynccontextmanager
    async def watch_outcomes(self, *, deadline: Deadline) -> AsyncIterator[AsyncIterator[Outcomes]]:
        """Outcomes, whole, as they change."""
        async with self._channel.stream(self._stub.WatchOutcomeStats, pb.WatchOutcomeStatsRequest(), deadline=deadline) as messages:
            yield _outcomes(messages)


async def _outcomes(messages: AsyncIterator[pb.WatchOutcomeStatsResponse]) -> AsyncIterator[Outcomes]:
    """Each beat holds all sums; they are worked out again only where their version is another."""
    latest: Outcomes | None = None
    async for message in messages:
        if latest is None or message.version != latest.version:
            latest = outcomes_of(message.version, map(stat_of, message.stats))
        yield latest


def stat_of(message: pb.OutcomeStat) -> OutcomeStat:
    """Sums of a model and category."""
    return OutcomeStat(
        model_id=message.model_id,
        category=message.category,
        graded_count=message.graded_count,
        grade_sum=message.grade_sum,
        predicted_sum=message.predicted_sum,
        answer_count=message.answer_count,
        median_output_token_count=message.median_output_token_count if message.HasField("median_output_token_count") else None,
    )


def feedback_message(feedback: Feedback) -> pb.RecordFeedbackRequest:
    """Feedback in its wire form."""
    return pb.RecordFeedbackRequest(
        feedback_id=feedback.feedback_id,
        request_id=feedback.request_id or "",
        decision_id=feedback.decision_id or "",
        account=account_message(feedback.account),
        metric=feedback.metric,
        value=feedback.value,
        comment=feedback.comment,
    )
