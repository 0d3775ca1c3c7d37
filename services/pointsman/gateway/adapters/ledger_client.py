"""The ledger over gRPC."""

from collections.abc import Sequence

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.ledger.v1 import ledger_pb2_grpc
from pointsman.gateway.adapters.ledger_messages import decision_message, decision_of, settlement_message, spend_message
from pointsman.gateway.adapters.peer_errors import as_callers_see
from pointsman.gateway.ports import DecisionRecord, Settlement, Spend
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError
from pointsman.kit.grpc_client import ServiceChannel

SERVICE = "pointsman.api.ledger.v1.LedgerService"
# Each names what it books, so that twice is as once; queries change nothing.
RETRYABLE_METHODS = ("OpenSpend", "SettleSpend", "RecordDecisions", "QueryDecisions", "QueryUsage", "RecordFeedback")
PEER = "ledger"


class LedgerClient:
    """Implements the Ledger port."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel to the ledger."""
        self._channel = channel
        self._stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)

    async def open_spend(self, spend: Spend, *, deadline: Deadline) -> int:
        """Reserve; how many planned attempts fit."""
        response = await self._channel.call(self._stub.OpenSpend, spend_message(spend), deadline=deadline)
        return response.admitted_attempt_count

    async def settle_spend(self, settlement: Settlement, *, deadline: Deadline) -> None:
        """Book what was used."""
        await self._channel.call(self._stub.SettleSpend, settlement_message(settlement), deadline=deadline)

    async def record_decisions(self, records: Sequence[DecisionRecord], *, deadline: Deadline) -> None:
        """Keep decisions."""
        request = pb.RecordDecisionsRequest(decisions=[decision_message(record) for record in records])
        await self._channel.call(self._stub.RecordDecisions, request, deadline=deadline)

    async def find_decision(self, decision_id: str, *, deadline: Deadline) -> DecisionRecord | None:
        """The decision of that name; None where there is none."""
        request = pb.QueryDecisionsRequest(decision_id=decision_id, page_size=1)
        try:
            response = await self._channel.call(self._stub.QueryDecisions, request, deadline=deadline)
        except ServiceError as error:
            raise as_callers_see(error, PEER) from error
        return decision_of(response.decisions[0]) if response.decisions else None
