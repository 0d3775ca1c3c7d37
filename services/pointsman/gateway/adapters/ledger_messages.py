"""Spends, settlements and decisions in their wire form, and from it."""

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.gateway.adapters.catalog_snapshot import seconds_of, version_message, version_of
from pointsman.gateway.adapters.usage_messages import attempt_message, attempt_of, duration_message, timestamp_message, unix_seconds_of
from pointsman.gateway.ports import Account, DecisionRecord, PlannedAttempt, Settlement, Spend


def spend_message(spend: Spend) -> pb.OpenSpendRequest:
    """A reservation as it is asked for."""
    return pb.OpenSpendRequest(
        spend_id=spend.spend_id,
        request_id=spend.request_id,
        account=account_message(spend.account),
        planned_attempts=[
            pb.PlannedAttempt(model_id=attempt.model_id, provider_id=attempt.provider_id, worst_case_nanousd=attempt.worst_case_nanousd)
            for attempt in spend.planned_attempts
        ],
        time_to_live=duration_message(spend.time_to_live_s),
    )


def spend_of(message: pb.OpenSpendRequest) -> Spend:
    """The reservation."""
    return Spend(
        spend_id=message.spend_id,
        request_id=message.request_id,
        account=account_of(message.account),
        planned_attempts=tuple(
            PlannedAttempt(attempt.model_id, attempt.provider_id, attempt.worst_case_nanousd) for attempt in message.planned_attempts
        ),
        time_to_live_s=seconds_of(message.time_to_live),
    )


def settlement_message(settlement: Settlement) -> pb.SettleSpendRequest:
    """A settlement as it is asked for."""
    return pb.SettleSpendRequest(
        spend_id=settlement.spend_id or "",
        request_id=settlement.request_id,
        account=account_message(settlement.account),
        attempts=[attempt_message(attempt) for attempt in settlement.attempts],
        category=settlement.category or "",
        decision_id=settlement.decision_id or "",
        catalog_version=version_message(settlement.catalog_version),
        predicted_success=settlement.predicted_success,
    )


def settlement_of(message: pb.SettleSpendRequest) -> Settlement:
    """The settlement."""
    return Settlement(
        request_id=message.request_id,
        account=account_of(message.account),
        attempts=tuple(attempt_of(attempt) for attempt in message.attempts),
        catalog_version=version_of(message.catalog_version),
        spend_id=message.spend_id or None,
        category=message.category or None,
        decision_id=message.decision_id or None,
        predicted_success=message.predicted_success if message.HasField("predicted_success") else None,
    )


def decision_message(record: DecisionRecord) -> pb.Decision:
    """A decision as it travels."""
    return pb.Decision(
        decision_id=record.decision_id,
        request_id=record.request_id,
        create_time=timestamp_message(record.create_time_s),
        account=account_message(record.account),
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


def decision_of(message: pb.Decision) -> DecisionRecord:
    """The decision."""
    return DecisionRecord(
        decision_id=message.decision_id,
        request_id=message.request_id,
        create_time_s=unix_seconds_of(message.create_time),
        account=account_of(message.account),
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


def account_message(account: Account) -> pb.Account:
    """Whom something is for, as it travels."""
    return pb.Account(project_id=account.project_id, key_id=account.key_id or "")


def account_of(message: pb.Account) -> Account:
    """Whom something is for."""
    return Account(message.project_id, message.key_id or None)
