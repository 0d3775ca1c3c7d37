"""What the ledger has booked, over gRPC."""

from collections.abc import Sequence

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.ledger.v1 import ledger_pb2_grpc
from pointsman.gateway.adapters.catalog_snapshot import seconds_of
from pointsman.gateway.adapters.ledger_messages import decision_of
from pointsman.gateway.adapters.peer_errors import as_callers_see
from pointsman.gateway.adapters.usage_messages import duration_message, timestamp_message, unix_seconds_of
from pointsman.gateway.report_ports import (
    MAX_USAGE_ROWS,
    DecisionPage,
    DecisionQuery,
    Percentiles,
    UsageDimension,
    UsageQuery,
    UsageRow,
)
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import InvalidArgument, ServiceError
from pointsman.kit.grpc_client import ServiceChannel

PEER = "ledger"
DIMENSIONS = {
    UsageDimension.MODEL: pb.USAGE_DIMENSION_MODEL,
    UsageDimension.PROVIDER: pb.USAGE_DIMENSION_PROVIDER,
    UsageDimension.PROJECT: pb.USAGE_DIMENSION_PROJECT,
    UsageDimension.KEY: pb.USAGE_DIMENSION_KEY,
    UsageDimension.CATEGORY: pb.USAGE_DIMENSION_CATEGORY,
    UsageDimension.TIME: pb.USAGE_DIMENSION_TIME,
}
# The ledger's names of what it refuses, as callers know them.
PARAMETERS = {"page_token": "cursor", "page_size": "limit", "max_row_count": "group_by", "project_id": "project", "model_id": "model"}


class LedgerReports:
    """Implements the UsageReports port."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel to the ledger."""
        self._channel = channel
        self._stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)

    async def sum_usage(self, query: UsageQuery, *, deadline: Deadline) -> Sequence[UsageRow]:
        """A row per group that has attempts."""
        try:
            response = await self._channel.call(self._stub.QueryUsage, usage_query_message(query), deadline=deadline)
        except ServiceError as error:
            raise refusal_of(error) from error
        return [usage_row_of(row) for row in response.rows]

    async def list_decisions(self, query: DecisionQuery, *, deadline: Deadline) -> DecisionPage:
        """A page of decisions."""
        request = pb.QueryDecisionsRequest(
            request_id=query.request_id or "",
            project_id=query.project_id or "",
            page_size=query.page_size,
            page_token=query.page_token,
        )
        try:
            response = await self._channel.call(self._stub.QueryDecisions, request, deadline=deadline)
        except ServiceError as error:
            raise refusal_of(error) from error
        return DecisionPage(tuple(decision_of(decision) for decision in response.decisions), response.next_page_token or None)


def refusal_of(error: ServiceError) -> ServiceError:
    """A failed call in the words of the gateway's callers."""
    seen = as_callers_see(error, PEER)
    param = PARAMETERS.get(seen.param or "")
    if param is None or not isinstance(seen, InvalidArgument):
        return seen
    if seen.param == "max_row_count":
        return InvalidArgument(seen.reason, f"{param}: that makes too many rows; take less time, or group by less", param=param)
    return InvalidArgument(seen.reason, f"{param}: not one that can be taken here", param=param)


def usage_query_message(query: UsageQuery) -> pb.QueryUsageRequest:
    """What is asked, in its wire form."""
    return pb.QueryUsageRequest(
        start_time=timestamp_message(query.start_time_s),
        end_time=timestamp_message(query.end_time_s),
        group_by=[DIMENSIONS[dimension] for dimension in query.group_by],
        bucket=None if query.bucket_s is None else duration_message(query.bucket_s),
        model_id=query.model_id or "",
        max_row_count=MAX_USAGE_ROWS,
    )


def usage_row_of(message: pb.UsageRow) -> UsageRow:
    """A row from its wire form."""
    return UsageRow(
        request_count=message.request_count,
        attempt_count=message.attempt_count,
        succeeded_attempt_count=message.succeeded_attempt_count,
        failed_attempt_count=message.failed_attempt_count,
        input_token_count=message.usage.input_token_count,
        output_token_count=message.usage.output_token_count,
        operator_cost_nanousd=message.operator_cost_nanousd,
        caller_cost_nanousd=message.caller_cost_nanousd,
        unpriced_attempt_count=message.unpriced_attempt_count,
        latency=_percentiles(message.latency) if message.HasField("latency") else None,
        time_to_first_token=_percentiles(message.time_to_first_token) if message.HasField("time_to_first_token") else None,
        model_id=message.model_id or None,
        provider_id=message.provider_id or None,
        project_id=message.project_id or None,
        key_id=message.key_id or None,
        category=message.category or None,
        bucket_start_s=unix_seconds_of(message.bucket_start_time) if message.HasField("bucket_start_time") else None,
    )


def _percentiles(message: pb.Percentiles) -> Percentiles:
    return Percentiles(seconds_of(message.p50), seconds_of(message.p95), seconds_of(message.p99))
