"""Protos that say too much, too little, or nonsense are refused by the name of the field."""

from collections.abc import Callable

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.config.v1.config_pb2 import ConfigVersion
from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.usage.v1 import usage_pb2
from pointsman.kit.errors import InvalidArgument
from pointsman.ledger import translation
from pointsman.ledger.core.values import Account, Attempt, AttemptOutcome, BilledTo, CatalogVersion, TokenUsage
from tests.unit.ledger.books import a_decision

NOW = Timestamp(seconds=1_700_000_000, nanos=5)


def attempt_message() -> usage_pb2.Attempt:
    return usage_pb2.Attempt(
        attempt_id="att_1",
        number=2,
        model_id="m",
        provider_id="p",
        outcome=usage_pb2.ATTEMPT_OUTCOME_CUT,
        failure_reason="provider_timeout",
        provider_status_code=200,
        usage=usage_pb2.TokenUsage(input_token_count=9, cached_input_token_count=4, output_token_count=8, estimated=True),
        start_time=NOW,
        latency=Duration(seconds=1, nanos=5),
        time_to_first_token=Duration(nanos=7),
        billed_to=usage_pb2.BILLED_TO_OPERATOR,
        cost_nanousd=0,
    )


def settle_message() -> pb.SettleSpendRequest:
    return pb.SettleSpendRequest(
        spend_id="spd_1",
        request_id="req_1",
        account=pb.Account(project_id="default"),
        attempts=[attempt_message()],
        catalog_version=ConfigVersion(epoch="e", number=3),
    )


def test_settlement_is_read_whole() -> None:
    settlement = translation.settlement(settle_message())
    assert (settlement.spend_id, settlement.account) == ("spd_1", Account("default"))
    assert (settlement.category, settlement.decision_id, settlement.catalog_version) == (None, None, CatalogVersion("e", 3))
    assert settlement.attempts == (
        Attempt(
            attempt_id="att_1",
            number=2,
            model_id="m",
            provider_id="p",
            outcome=AttemptOutcome.CUT,
            billed_to=BilledTo.OPERATOR,
            start_time_ns=1_700_000_000_000_000_005,
            latency_ns=1_000_000_005,
            cost_nanousd=0,
            usage=TokenUsage(9, 8, cached_input_token_count=4, estimated=True),
            failure_reason="provider_timeout",
            provider_status_code=200,
            time_to_first_token_ns=7,
        ),
    )


def test_what_is_unset_is_not_known() -> None:
    message = settle_message()
    for field in ("cost_nanousd", "usage", "provider_status_code", "time_to_first_token", "failure_reason"):
        message.attempts[0].ClearField(field)
    (attempt,) = translation.settlement(message).attempts
    assert (attempt.cost_nanousd, attempt.usage, attempt.provider_status_code) == (None, None, None)
    assert (attempt.time_to_first_token_ns, attempt.failure_reason) == (None, None)


def no_attempts_no_spend(message: pb.SettleSpendRequest) -> None:
    message.ClearField("attempts")
    message.ClearField("spend_id")


SETTLE_FAULTS: dict[str, Callable[[pb.SettleSpendRequest], object]] = {
    "attempts": no_attempts_no_spend,
    "request_id": lambda message: message.ClearField("request_id"),
    "spend_id": lambda message: setattr(message, "spend_id", "spd/1"),
    "account.project_id": lambda message: message.account.ClearField("project_id"),
    "catalog_version.number": lambda message: setattr(message.catalog_version, "number", -1),
    "category": lambda message: setattr(message, "category", "c" * 257),
    "attempts[0].attempt_id": lambda message: message.attempts[0].ClearField("attempt_id"),
    "attempts[0].number": lambda message: setattr(message.attempts[0], "number", 0),
    "attempts[0].model_id": lambda message: message.attempts[0].ClearField("model_id"),
    "attempts[0].outcome": lambda message: message.attempts[0].ClearField("outcome"),
    "attempts[0].billed_to": lambda message: setattr(message.attempts[0], "billed_to", 99),
    "attempts[0].start_time": lambda message: message.attempts[0].ClearField("start_time"),
    "attempts[0].latency": lambda message: setattr(message.attempts[0].latency, "seconds", -1),
    "attempts[0].time_to_first_token": lambda message: setattr(message.attempts[0].time_to_first_token, "seconds", 2**62),
    "attempts[0].cost_nanousd": lambda message: setattr(message.attempts[0], "cost_nanousd", -1),
    "attempts[0].usage.output_token_count": lambda message: setattr(message.attempts[0].usage, "output_token_count", -1),
}


@pytest.mark.parametrize("field", SETTLE_FAULTS)
def test_faulty_settlement_is_refused_by_field(field: str) -> None:
    message = settle_message()
    SETTLE_FAULTS[field](message)
    with pytest.raises(InvalidArgument) as caught:
        translation.settlement(message)
    assert caught.value.param == field


def test_too_many_attempts_are_refused() -> None:
    message = settle_message()
    message.attempts.extend([attempt_message()] * translation.MAX_ATTEMPTS)
    with pytest.raises(InvalidArgument, match="at most"):
        translation.settlement(message)


@pytest.mark.parametrize(
    "planned",
    [
        pytest.param([], id="none"),
        pytest.param([pb.PlannedAttempt(model_id="m", provider_id="p")] * 65, id="too many"),
        pytest.param([pb.PlannedAttempt(model_id="m", provider_id="p", worst_case_nanousd=-1)], id="negative"),
        pytest.param([pb.PlannedAttempt(model_id="m")], id="without a provider"),
    ],
)
def test_faulty_plan_is_refused(planned: list[pb.PlannedAttempt]) -> None:
    with pytest.raises(InvalidArgument):
        translation.planned_attempts(planned)


@pytest.mark.parametrize("message", [Duration(), Duration(seconds=-1), Duration(seconds=3_600, nanos=1), Duration(seconds=2**60)])
def test_time_to_live_is_more_than_nothing_and_at_most_an_hour(message: Duration) -> None:
    with pytest.raises(InvalidArgument):
        translation.time_to_live_s(message)


def test_decision_survives_the_journey() -> None:
    decision = a_decision()
    assert translation.decision(translation.decision_message(decision), "decision") == decision


DECISION_FAULTS: dict[str, Callable[[pb.Decision], object]] = {
    "decision_id": lambda message: message.ClearField("decision_id"),
    "create_time": lambda message: message.ClearField("create_time"),
    "model_id": lambda message: message.ClearField("model_id"),
    "prompt_hash": lambda message: setattr(message, "prompt_hash", b"short"),
    "detail": lambda message: setattr(message, "detail", bytes(translation.MAX_DETAIL_BYTES + 1)),
    "degraded": lambda message: message.degraded.extend(["x"] * 33),
}


@pytest.mark.parametrize("field", DECISION_FAULTS)
def test_faulty_decision_is_refused_by_field(field: str) -> None:
    message = translation.decision_message(a_decision())
    DECISION_FAULTS[field](message)
    with pytest.raises(InvalidArgument) as caught:
        translation.decisions([message])
    assert caught.value.param == f"decisions[0].{field}"


@pytest.mark.parametrize("count", [0, 257])
def test_number_of_decisions_is_bounded(count: int) -> None:
    with pytest.raises(InvalidArgument, match="1 to 256"):
        translation.decisions([translation.decision_message(a_decision())] * count)


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (1_000, 1_000)])
def test_page_size_within_its_bounds(asked: int, given: int) -> None:
    assert translation.page_size(pb.QueryDecisionsRequest(page_size=asked)) == given


@pytest.mark.parametrize("asked", [-1, 1_001])
def test_page_size_out_of_bounds_is_refused(asked: int) -> None:
    with pytest.raises(InvalidArgument):
        translation.page_size(pb.QueryDecisionsRequest(page_size=asked))
