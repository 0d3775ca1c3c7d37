"""The ledger over gRPC."""

from collections.abc import Sequence

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.ledger.v1 import ledger_pb2_grpc
from pointsman.gateway.adapters.catalog_snapshot import version_message, version_of
from pointsman.gateway.adapters.peer_errors import as_callers_see
from pointsman.gateway.adapters.usage_messages import attempt_message, duration_message, timestamp_message, unix_seconds_of
from pointsman.gateway.ports import Account, DecisionRecord, Settlement, Spend
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError
from pointsman.kit.grpc_client import ServiceChannel

SERVICE = "pointsman.api.ledger.v1.LedgerService"
# Each names what it books, so that twice is as once.
RETRYABLE_METHODS = ("OpenSpend", "SettleSpend", "RecordDecisions", "QueryDecisions")
PEER = "ledger"


class LedgerClient:
    """Implements the Ledger port."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel to the ledger."""
        self._channel = channel
        self._stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)

    async def open_spend(self, spend: Spend, *, deadline: Deadline) -> int:
        """Reserve; how many planned attempts fit."""
        request = pb.OpenSpendRequest(
            spend_id=spend.spend_id,
            request_id=spend.request_id,
            account=_account_message(spend.account),
            planned_attempts=[
                pb.PlannedAttempt(model_id=attempt.model_id, provider_id=attempt.provider_id, worst_case_nanousd=attempt.worst_case_nanousd)
                for attempt in spend.planned_attempts
            ],
            time_to_live=duration_message(spend.time_to_live_s),
        )
        response = await self._channel.call(self._stub.OpenSpend, request, deadline=deadline)
        return response.admitted_attempt_count

    async def settle_spend(self, settlement: Settlement, *, deadline: Deadline) -> None:
        """Book what was used."""
        request = pb.SettleSpendRequest(
            spend_id=settlement.spend_id or "",
            request_id=settlement.request_id,
            account=_account_message(settlement.account),
            attempts=[attempt_message(attempt) for attempt in settlement.attempts],
            category=settlement.category or "",
            decision_id=settlement.decision_id or "",
            catalog_version=version_message(settlement.catalog_version),
        )
        await self._channel.call(self._stub.SettleSpend, request, deadline=deadline)

    async def record_decisions(self, records: Sequence[DecisionRecord], *, deadline: Deadline) -> None:
        """Keep decisions."""
        request = pb.RecordDecisionsRequest(decisions=[_decision_message(record) for record in records])
        await self._channel.call(self._stub.RecordDecisions, request, deadline=deadline)

    async def find_decision(self, decision_id: str, *, deadline: Deadline) -> DecisionRecord | None:
        """The decision of that name; None where there is none."""
        request = pb.QueryDecisionsRequest(decision_id=decision_id, page_size=1)
        try:
            response = await self._channel.call(self._stub.QueryDecisions, request, deadline=deadline)
        except ServiceError as error:
            raise as_callers_see(error, PEER) from error
        return _decision(response.decisions[0]) if response.decisions else None


def _account_message(account: Account) -> pb.Account:
    return pb.Account(project_id=account.project_id, key_id=account.key_id or "")


def _decision_message(record: DecisionRecord) -> pb.Decision:
    return pb.Decision(
        decision_id=record.decision_id,
        request_id=record.request_id,
        create_time=timestamp_message(record.create_time_s),
        account=_account_message(record.account),
        category=record.category,
        difficulty=record.difficulty or "",
        policy=record.policy,
        cause=record.cause,
        model_id=record.model_id,
        catalog_version=version_message(record.catalog_version),
        degraded=record.degraded,
        prompt_hash=record.prompt_hash,
        detail=record.detail,
    )


def _decision(message: pb.Decision) -> DecisionRecord:
    return DecisionRecord(
        decision_id=message.decision_id,
        request_id=message.request_id,
        create_time_s=unix_seconds_of(message.create_time),
        account=Account(message.account.project_id, message.account.key_id or None),
        category=message.category,
        difficulty=message.difficulty or None,
        policy=message.policy,
        cause=message.cause,
        model_id=message.model_id,
        catalog_version=version_of(message.catalog_version),
        degraded=tuple(message.degraded),
        prompt_hash=message.prompt_hash,
        detail=message.detail,
    )
