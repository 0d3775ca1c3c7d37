"""Feedback from the gateway into a real ledger, and back as what ranking goes by."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.gateway import server
from pointsman.gateway.adapters import ledger_client
from pointsman.gateway.adapters.ledger_client import LedgerClient
from pointsman.gateway.adapters.outcome_client import LedgerOutcomes
from pointsman.gateway.core.outcomes import Outcomes, shift_by
from pointsman.gateway.outcome_ports import Feedback
from pointsman.gateway.ports import Account, AttemptOutcome, BilledTo, Settlement
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Conflict, NotFound, Unavailable
from pointsman.kit.grpc_client import ServiceChannel
from tests.integration.gateway.test_reports import PATIENCE_S, served_ledger
from tests.integration.gateway.test_serve import NOWHERE, Services, client_of, serving, settings
from tests.integration.gateway.test_spool_file import ATTEMPT
from tests.unit.gateway.core.samples import VERSION

ACME = Account("acme", "key")
JUDGED = Feedback("fbk_1", ACME, 0.0, request_id="req_0", metric="helpful", comment="übel")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[ServiceChannel]:
    """A real one with twelve answers of "small" to prompts of coding."""
    async with served_ledger(tmp_path) as addresses, ServiceChannel(addresses["ledger_grpc"], service=ledger_client.SERVICE) as channel:
        for number in range(12):
            served = replace(ATTEMPT, attempt_id=f"att_{number}", outcome=AttemptOutcome.SUCCEEDED, billed_to=BilledTo.OPERATOR)
            settlement = Settlement(f"req_{number}", ACME, (served,), VERSION, None, "coding", f"dec_{number}", predicted_success=0.75)
            await LedgerClient(channel).settle_spend(settlement, deadline=Deadline.after(PATIENCE_S))
        yield channel


async def test_a_real_ledger_tells_what_feedback_came_to(ledger: ServiceChannel) -> None:
    outcomes, deadline = LedgerOutcomes(ledger), Deadline.after(PATIENCE_S)
    async with outcomes.watch_outcomes(deadline=deadline) as told:
        before = await anext(told)
        await outcomes.record_feedback(JUDGED, deadline=deadline)
        await outcomes.record_feedback(Feedback("fbk_2", ACME, 1.0, decision_id="dec_1"), deadline=deadline)
        while (after := await anext(told)).version == before.version:
            pass
        assert await anext(told) is after, "a beat"
    assert (before.shifts, before.output_token_counts) == ({}, {"coding": 20})
    assert after.shifts == {"small": {"coding": shift_by(2, 1.0, 1.5)}}
    assert after.output_token_counts == before.output_token_counts


async def test_what_a_real_ledger_refuses_is_the_callers_to_know(ledger: ServiceChannel) -> None:
    outcomes, deadline = LedgerOutcomes(ledger), Deadline.after(PATIENCE_S)
    await outcomes.record_feedback(JUDGED, deadline=deadline)
    await outcomes.record_feedback(JUDGED, deadline=deadline)
    for stranger in (
        replace(JUDGED, feedback_id="fbk_2", account=Account("acme")),
        replace(JUDGED, feedback_id="fbk_2", request_id="req_x"),
    ):
        with pytest.raises(NotFound) as unknown:
            await outcomes.record_feedback(stranger, deadline=deadline)
        assert unknown.value.reason == "decision_not_found"
    with pytest.raises(Conflict) as taken:
        await outcomes.record_feedback(replace(JUDGED, value=1.0), deadline=deadline)
    assert taken.value.reason == "feedback_exists"


async def test_a_ledger_that_is_away_or_too_old_is_away() -> None:
    async with ServiceChannel(NOWHERE, service=ledger_client.SERVICE) as channel:
        with pytest.raises(Unavailable) as away:
            await LedgerOutcomes(channel).record_feedback(JUDGED, deadline=Deadline.after(1))
    assert away.value.reason == "dependency_down"


async def latest_outcomes(address: str) -> Outcomes:
    deadline = Deadline.after(PATIENCE_S)
    async with (
        ServiceChannel(address, service=ledger_client.SERVICE) as channel,
        LedgerOutcomes(channel).watch_outcomes(deadline=deadline) as told,
    ):
        return await anext(told)


async def test_what_a_gateway_answered_a_moment_ago_can_be_judged(tmp_path: Path) -> None:
    async with served_ledger(tmp_path / "ledger") as ledger, serving(Services()) as target:
        own = settings(tmp_path, target, ledger_target=ledger["ledger_grpc"])
        async with server.serve(own) as addresses, client_of(addresses) as client:
            decided = (await client.post("/route", json={"prompt": "1 + 1", "mode": "recommend"})).json()
            judged = await client.post("/v1/feedback", json={"decision_id": decided["decision_id"], "rating": 2})
            answered = (await client.post("/route", json={"prompt": "1 + 1"})).json()
            also = await client.post(f"/v1/feedback?request_id={answered['request_id']}&value=true")
            unknown = await client.post("/v1/feedback", json={"request_id": "req_none", "rating": 2})
        outcomes = await latest_outcomes(ledger["ledger_grpc"])
    assert (judged.status_code, also.status_code) == (200, 200)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "decision_not_found")
    assert outcomes.shifts["small"]["math"] > 0.0, "the answer counts, the recommendation does not"
