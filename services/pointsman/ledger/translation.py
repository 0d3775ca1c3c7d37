"""Between protos and the core's values. What a proto can not say by itself is checked here, each refusal naming its field.

Spends, settlements and decisions; usage reports are in `usage_translation.py`.
"""

import re
from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.config.v1 import config_pb2
from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.usage.v1 import usage_pb2
from pointsman.kit.errors import InvalidArgument
from pointsman.ledger.core.decision_pages import DecisionFilter
from pointsman.ledger.core.spend import PlannedAttempt
from pointsman.ledger.core.values import Account, Attempt, AttemptOutcome, BilledTo, CatalogVersion, Decision, Settlement, TokenUsage

T = TypeVar("T")

MAX_ATTEMPTS = 64
MAX_DECISIONS = 256
MAX_DETAIL_BYTES = 256 << 10
MAX_DEGRADED = 32
MAX_PAGE_SIZE = 1_000
DEFAULT_PAGE_SIZE = 50
MAX_TIME_TO_LIVE_S = 3_600
PROMPT_HASH_BYTES = 32
MAX_NAME_LENGTH = 256
NS_PER_S = 1_000_000_000
# Timestamps stay within the years 1970 to 2200, far inside an int64 of nanoseconds.
MAX_UNIX_S = 7_258_118_400

# No slash: the ledger's own rows are named with one.
UNIQUE_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")

OUTCOMES = {
    usage_pb2.ATTEMPT_OUTCOME_SUCCEEDED: AttemptOutcome.SUCCEEDED,
    usage_pb2.ATTEMPT_OUTCOME_FAILED: AttemptOutcome.FAILED,
    usage_pb2.ATTEMPT_OUTCOME_CUT: AttemptOutcome.CUT,
    usage_pb2.ATTEMPT_OUTCOME_CANCELLED: AttemptOutcome.CANCELLED,
}
PAYERS = {usage_pb2.BILLED_TO_OPERATOR: BilledTo.OPERATOR, usage_pb2.BILLED_TO_CALLER: BilledTo.CALLER}


def invalid(field: str, problem: str) -> InvalidArgument:
    """A refusal of a field."""
    return InvalidArgument("invalid_value", f"{field}: {problem}", param=field)


def planned_attempts(messages: Sequence[pb.PlannedAttempt]) -> list[PlannedAttempt]:
    """The calls that may be made."""
    if not 1 <= len(messages) <= MAX_ATTEMPTS:
        raise invalid("planned_attempts", f"{len(messages)} given, 1 to {MAX_ATTEMPTS} allowed")
    return [
        PlannedAttempt(
            name(message.model_id, f"planned_attempts[{index}].model_id"),
            name(message.provider_id, f"planned_attempts[{index}].provider_id"),
            at_least_0(message.worst_case_nanousd, f"planned_attempts[{index}].worst_case_nanousd"),
        )
        for index, message in enumerate(messages)
    ]


def time_to_live_s(message: Duration) -> float:
    """From now until the spend expires, seconds."""
    seconds = duration_ns(message, "time_to_live") / NS_PER_S
    if not 0 < seconds <= MAX_TIME_TO_LIVE_S:
        raise invalid("time_to_live", f"more than 0 and at most {MAX_TIME_TO_LIVE_S} s allowed")
    return seconds


def settlement(message: pb.SettleSpendRequest) -> Settlement:
    """What a request used."""
    if len(message.attempts) > MAX_ATTEMPTS:
        raise invalid("attempts", f"{len(message.attempts)} given, at most {MAX_ATTEMPTS} allowed")
    if not message.attempts and not message.spend_id:
        raise invalid("attempts", "none given, and no spend to settle")
    return Settlement(
        request_id=name(message.request_id, "request_id"),
        account=account(message.account, "account"),
        attempts=tuple(attempt(one, f"attempts[{index}]") for index, one in enumerate(message.attempts)),
        spend_id=unique_name(message.spend_id, "spend_id") if message.spend_id else None,
        category=optional_name(message.category, "category"),
        decision_id=optional_name(message.decision_id, "decision_id"),
        catalog_version=catalog_version(message.catalog_version, "catalog_version"),
        predicted_success=share(message.predicted_success, "predicted_success") if message.HasField("predicted_success") else None,
    )


def attempt(message: usage_pb2.Attempt, field: str) -> Attempt:
    """One call to one provider."""
    return Attempt(
        attempt_id=unique_name(message.attempt_id, f"{field}.attempt_id"),
        number=at_least_1(message.number, f"{field}.number"),
        model_id=name(message.model_id, f"{field}.model_id"),
        provider_id=name(message.provider_id, f"{field}.provider_id"),
        outcome=_known(OUTCOMES.get(message.outcome), f"{field}.outcome"),
        billed_to=_known(PAYERS.get(message.billed_to), f"{field}.billed_to"),
        start_time_ns=timestamp_ns(message.start_time, f"{field}.start_time"),
        latency_ns=duration_ns(message.latency, f"{field}.latency"),
        cost_nanousd=at_least_0(message.cost_nanousd, f"{field}.cost_nanousd") if message.HasField("cost_nanousd") else None,
        usage=token_usage(message.usage, f"{field}.usage") if message.HasField("usage") else None,
        failure_reason=optional_name(message.failure_reason, f"{field}.failure_reason"),
        provider_status_code=message.provider_status_code if message.HasField("provider_status_code") else None,
        time_to_first_token_ns=(
            duration_ns(message.time_to_first_token, f"{field}.time_to_first_token") if message.HasField("time_to_first_token") else None
        ),
    )


def token_usage(message: usage_pb2.TokenUsage, field: str) -> TokenUsage:
    """Tokens of a call."""
    return TokenUsage(
        input_token_count=at_least_0(message.input_token_count, f"{field}.input_token_count"),
        output_token_count=at_least_0(message.output_token_count, f"{field}.output_token_count"),
        cached_input_token_count=at_least_0(message.cached_input_token_count, f"{field}.cached_input_token_count"),
        cache_write_token_count=at_least_0(message.cache_write_token_count, f"{field}.cache_write_token_count"),
        reasoning_token_count=at_least_0(message.reasoning_token_count, f"{field}.reasoning_token_count"),
        estimated=message.estimated,
    )


def decisions(messages: Sequence[pb.Decision]) -> list[Decision]:
    """Decisions to keep."""
    if not 1 <= len(messages) <= MAX_DECISIONS:
        raise invalid("decisions", f"{len(messages)} given, 1 to {MAX_DECISIONS} allowed")
    return [decision(message, f"decisions[{index}]") for index, message in enumerate(messages)]


def decision(message: pb.Decision, field: str) -> Decision:
    """A decision to keep."""
    if len(message.detail) > MAX_DETAIL_BYTES:
        raise invalid(f"{field}.detail", f"{len(message.detail)} bytes, at most {MAX_DETAIL_BYTES} allowed")
    if len(message.prompt_hash) not in (0, PROMPT_HASH_BYTES):
        raise invalid(f"{field}.prompt_hash", f"{len(message.prompt_hash)} bytes, {PROMPT_HASH_BYTES} expected")
    if len(message.degraded) > MAX_DEGRADED:
        raise invalid(f"{field}.degraded", f"{len(message.degraded)} given, at most {MAX_DEGRADED} allowed")
    return Decision(
        decision_id=unique_name(message.decision_id, f"{field}.decision_id"),
        request_id=name(message.request_id, f"{field}.request_id"),
        create_time_ns=timestamp_ns(message.create_time, f"{field}.create_time"),
        account=account(message.account, f"{field}.account"),
        category=optional_name(message.category, f"{field}.category") or "",
        difficulty=optional_name(message.difficulty, f"{field}.difficulty"),
        policy=optional_name(message.policy, f"{field}.policy") or "",
        cause=optional_name(message.cause, f"{field}.cause") or "",
        model_id=name(message.model_id, f"{field}.model_id"),
        catalog_version=catalog_version(message.catalog_version, f"{field}.catalog_version"),
        degraded=tuple(name(reason, f"{field}.degraded") for reason in message.degraded),
        prompt_hash=message.prompt_hash,
        detail=message.detail,
    )


def decision_filter(message: pb.QueryDecisionsRequest) -> DecisionFilter:
    """Conditions of a query."""
    return DecisionFilter(message.decision_id or None, message.request_id or None, message.project_id or None)


def page_size(message: pb.QueryDecisionsRequest) -> int:
    """Most decisions to answer."""
    if not 0 <= message.page_size <= MAX_PAGE_SIZE:
        raise invalid("page_size", f"1 to {MAX_PAGE_SIZE} allowed")
    return message.page_size or DEFAULT_PAGE_SIZE


def decision_message(value: Decision) -> pb.Decision:
    """A decision as it travels."""
    version, owner = value.catalog_version, value.account
    message = pb.Decision(
        decision_id=value.decision_id,
        request_id=value.request_id,
        account=pb.Account(project_id=owner.project_id, key_id=owner.key_id or ""),
        category=value.category,
        difficulty=value.difficulty or "",
        policy=value.policy,
        cause=value.cause,
        model_id=value.model_id,
        catalog_version=config_pb2.ConfigVersion(epoch=version.epoch, number=version.number) if version.number else None,
        degraded=value.degraded,
        prompt_hash=value.prompt_hash,
        detail=value.detail,
    )
    message.create_time.FromNanoseconds(value.create_time_ns)
    return message


def account(message: pb.Account, field: str) -> Account:
    """Whom something is for."""
    return Account(name(message.project_id, f"{field}.project_id"), optional_name(message.key_id, f"{field}.key_id"))


def catalog_version(message: config_pb2.ConfigVersion, field: str) -> CatalogVersion:
    """A version of the catalogue; number 0 where there is none."""
    return CatalogVersion(optional_name(message.epoch, f"{field}.epoch") or "", at_least_0(message.number, f"{field}.number"))


def _known(value: T | None, field: str) -> T:
    if value is None:
        raise invalid(field, "is unset or unknown")
    return value


def unique_name(value: str, field: str) -> str:
    """A name that someone made up to be the only one, such as "att_…"."""
    if not UNIQUE_NAME.fullmatch(value):
        raise invalid(field, "1 to 128 letters, digits, or one of _ . : - expected")
    return value


def name(value: str, field: str) -> str:
    """A name of the catalogue or of a caller."""
    if not value:
        raise invalid(field, "is empty")
    if len(value) > MAX_NAME_LENGTH:
        raise invalid(field, f"{len(value)} characters, at most {MAX_NAME_LENGTH} allowed")
    return value


def optional_name(value: str, field: str) -> str | None:
    """The same; None where it is unset."""
    return name(value, field) if value else None


def at_least_0(value: int, field: str) -> int:
    """A count or an amount."""
    if value < 0:
        raise invalid(field, "is negative")
    return value


def at_least_1(value: int, field: str) -> int:
    """A position."""
    if value < 1:
        raise invalid(field, "is less than 1")
    return value


def share(value: float, field: str) -> float:
    """A probability or a grade; not a number is none."""
    if not 0.0 <= value <= 1.0:
        raise invalid(field, "is not from 0 to 1")
    return value


def duration_ns(message: Duration, field: str) -> int:
    """A length of time, nanoseconds."""
    nanoseconds = message.seconds * NS_PER_S + message.nanos
    if not 0 <= nanoseconds <= MAX_UNIX_S * NS_PER_S:
        raise invalid(field, "is negative or out of range")
    return nanoseconds


def timestamp_ns(message: Timestamp, field: str) -> int:
    """A moment, nanoseconds since 1970."""
    nanoseconds = message.seconds * NS_PER_S + message.nanos
    if not 0 < nanoseconds <= MAX_UNIX_S * NS_PER_S:
        raise invalid(field, "is unset or out of range")
    return nanoseconds
