"""Feedback and what is learnt from it, over gRPC, with the ledger as it is served."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.kit.errors import Conflict, InvalidArgument, NotFound
from pointsman.ledger.server import serve
from tests.integration.ledger.ledger_process import LedgerCalls, calls_to, ledger_in_process
from tests.integration.ledger.test_service import serving, settings_in


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[LedgerCalls]:
    async with serving(tmp_path) as calls:
        yield calls


async def outcomes_now(ledger: LedgerCalls) -> pb.WatchOutcomeStatsResponse:
    async with ledger.outcomes() as messages:
        return await anext(messages)


async def test_feedback_is_counted_and_watched(ledger: LedgerCalls) -> None:
    async with ledger.outcomes() as messages:
        first = await anext(messages)
        for number, tokens in enumerate((8, 20, 400)):
            await ledger.answer(f"req_{number}", predicted=0.75, tokens=tokens)
        await ledger.judge("fbk_1", 0.0, request_id="req_0")
        await ledger.judge("fbk_2", 1.0, decision_id="dec_1")
        start_s = time.monotonic()
        second = await anext(messages)
        while second.version == first.version:
            second = await anext(messages)
        third = await anext(messages)
        took_s = time.monotonic() - start_s
    assert (first.version, list(first.stats)) == (1, [])
    expected = pb.OutcomeStat(
        model_id="m", category="coding", graded_count=2, grade_sum=1.0, answer_count=3, median_output_token_count=20, predicted_sum=1.5
    )
    assert list(second.stats) == [expected], "five changes in one message"
    assert third == second, "a beat"
    assert 0.9 < took_s < 3.0


async def test_refusals_reach_the_caller_with_their_reason(ledger: LedgerCalls) -> None:
    await ledger.answer("req_1")
    await ledger.judge("fbk_1", 1.0, request_id="req_1")
    await ledger.judge("fbk_1", 1.0, request_id="req_1")
    with pytest.raises(NotFound) as unknown:
        await ledger.judge("fbk_2", 1.0, request_id="req_2")
    with pytest.raises(Conflict) as taken:
        await ledger.judge("fbk_1", 0.0, request_id="req_1")
    with pytest.raises(InvalidArgument) as odd:
        await ledger.judge("fbk_3", 1.25, request_id="req_1")
    assert (unknown.value.reason, taken.value.reason, odd.value.param) == ("decision_not_found", "feedback_exists", "value")
    assert (await outcomes_now(ledger)).stats[0].graded_count == 1


async def test_what_was_acknowledged_survives_a_kill_and_versions_go_on(tmp_path: Path) -> None:
    async with ledger_in_process(tmp_path) as (process, address), calls_to(address) as ledger:
        await ledger.answer("req_1")
        await ledger.judge("fbk_1", 1.0, request_id="req_1")
        before = await outcomes_now(ledger)
        process.kill()
        await process.wait()
    async with serving(tmp_path) as ledger:
        after = await outcomes_now(ledger)
        await ledger.judge("fbk_1", 1.0, request_id="req_1")
        assert (await outcomes_now(ledger)).version == after.version, "known already"
        await ledger.judge("fbk_2", 0.0, request_id="req_1")
        last = await outcomes_now(ledger)
    assert after == before
    assert (before.stats[0].graded_count, before.stats[0].grade_sum) == (1, 1.0)
    assert (last.stats[0].graded_count, last.stats[0].grade_sum) == (1, 0.0)
    assert last.version > after.version


async def test_a_stream_that_is_watched_ends_with_the_service(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"drain_s": 10})
    server = serve(settings)
    addresses = await server.__aenter__()
    async with calls_to(addresses["ledger_grpc"]) as calls, calls.outcomes() as messages:
        await anext(messages)
        start_s = time.monotonic()
        await server.__aexit__(None, None, None)
        took_s = time.monotonic() - start_s
        assert [message async for message in messages] == []
    assert took_s < 5, "nobody waits for those who watch"
