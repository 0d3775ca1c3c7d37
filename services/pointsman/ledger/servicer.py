"""LedgerService: puts protos into the core's words and back; decides nothing."""
# ruff: noqa: N802, ARG002  # gRPC names the methods, and hands over what not every one needs

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.ledger.v1 import ledger_pb2_grpc
from pointsman.api.status.v1 import status_pb2
from pointsman.ledger import feedback_translation, translation, usage_translation
from pointsman.ledger.core.outcomes import OutcomeStats
from pointsman.ledger.engine.bookkeeping import Bookkeeping
from pointsman.ledger.engine.outcome_watch import OutcomeWatch
from pointsman.ledger.engine.reporting import Reporting

BEAT_S = 1.0

Context = grpc.aio.ServicerContext[Any, Any]  # typed by each method's messages, which none of them asks it for


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """Translates between proto and engine."""

    def __init__(
        self, bookkeeping: Bookkeeping, reporting: Reporting, outcomes: OutcomeWatch, report_status: Callable[[], status_pb2.ServiceStatus]
    ) -> None:
        """Take the engine, and what tells how the process is."""
        self._bookkeeping = bookkeeping
        self._reporting = reporting
        self._outcomes = outcomes
        self._report_status = report_status

    async def OpenSpend(self, request: pb.OpenSpendRequest, context: Context) -> pb.OpenSpendResponse:
        """Reserve the worst case of a request."""
        opened = await self._bookkeeping.open_spend(
            translation.unique_name(request.spend_id, "spend_id"),
            translation.name(request.request_id, "request_id"),
            translation.account(request.account, "account"),
            translation.planned_attempts(request.planned_attempts),
            time_to_live_s=translation.time_to_live_s(request.time_to_live),
        )
        return pb.OpenSpendResponse(admitted_attempt_count=opened.admitted_attempt_count, reserved_nanousd=opened.reserved_nanousd)

    async def SettleSpend(self, request: pb.SettleSpendRequest, context: Context) -> pb.SettleSpendResponse:
        """Book what a request used."""
        settled = await self._bookkeeping.settle_spend(translation.settlement(request))
        return pb.SettleSpendResponse(total_cost_nanousd=settled.total_cost_nanousd, corrected=settled.corrected)

    async def RecordDecisions(self, request: pb.RecordDecisionsRequest, context: Context) -> pb.RecordDecisionsResponse:
        """Keep decisions."""
        await self._bookkeeping.record_decisions(translation.decisions(request.decisions))
        return pb.RecordDecisionsResponse()

    async def QueryDecisions(self, request: pb.QueryDecisionsRequest, context: Context) -> pb.QueryDecisionsResponse:
        """Find decisions, newest first."""
        decisions, next_page_token = await self._bookkeeping.query_decisions(
            translation.decision_filter(request), page_size=translation.page_size(request), token=request.page_token
        )
        return pb.QueryDecisionsResponse(
            decisions=[translation.decision_message(decision) for decision in decisions], next_page_token=next_page_token
        )

    async def RecordFeedback(self, request: pb.RecordFeedbackRequest, context: Context) -> pb.RecordFeedbackResponse:
        """Keep what somebody thought of an answer."""
        await self._bookkeeping.record_feedback(feedback_translation.feedback(request))
        return pb.RecordFeedbackResponse()

    async def QueryUsage(self, request: pb.QueryUsageRequest, context: Context) -> pb.QueryUsageResponse:
        """Sum up booked attempts."""
        rows = await self._reporting.sum_up_usage(usage_translation.usage_query(request))
        return usage_translation.usage_response(rows)

    async def WatchOutcomeStats(
        self, request: pb.WatchOutcomeStatsRequest, context: Context
    ) -> AsyncIterator[pb.WatchOutcomeStatsResponse]:
        """Send how well models did, at once and each second: what changes in between goes together."""
        sent: OutcomeStats | None = None
        message = pb.WatchOutcomeStatsResponse()
        while not self._outcomes.has_ended:
            outcomes = await self._outcomes.read()
            if outcomes is not sent:
                sent, message = outcomes, feedback_translation.outcomes_message(outcomes)
            yield message
            await self._outcomes.pause(BEAT_S)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """Tell how the service is."""
        sums = await self._bookkeeping.read_sums()
        return pb.GetStatusResponse(
            status=self._report_status(),
            attempt_count=sums.attempt_count,
            total_cost_nanousd=sums.total_cost_nanousd,
            open_spend_count=sums.open_spend_count,
            reserved_nanousd=sums.reserved_nanousd,
        )
