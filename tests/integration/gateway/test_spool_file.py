"""The spool on a real disk: what was kept is there after a crash, what was torn is cut, and no process reads another's."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.gateway.adapters.spool_file import open_spool
from pointsman.gateway.adapters.spool_records import records_of
from pointsman.gateway.ports import Account, Attempt, AttemptOutcome, BilledTo, MeasuredUsage, OpenedSpend, Settlement, SpoolEntry
from pointsman.kit.errors import Unavailable
from pointsman.kit.logging import get_logger
from tests.unit.gateway.core.samples import VERSION
from tests.unit.gateway.engine.test_backlog import NOW_S, spend
from tests.unit.gateway.engine.test_settling import settlement

LOG = get_logger("gateway")
ATTEMPT = Attempt(
    attempt_id="att_1",
    number=1,
    model_id="small",
    provider_id="openai",
    outcome=AttemptOutcome.CUT,
    start_time_s=NOW_S,
    latency_s=0.25,
    failure_reason="provider_error",
    provider_status_code=500,
    usage=MeasuredUsage(10, 20, 3, 4, 5, estimated=True),
    time_to_first_token_s=0.125,
    billed_to=BilledTo.CALLER,
    cost_nanousd=9_000,
)
FULL = Settlement(
    "req_1", Account("acme", "key"), (ATTEMPT, replace(ATTEMPT, cost_nanousd=None)), VERSION, "spd_1", "coding", "dec_1", 0.75
)
OPENED = OpenedSpend(spend(), NOW_S)


async def left_in(folder: Path) -> list[SpoolEntry]:
    """What the next process finds."""
    async with open_spool(folder, LOG) as (_, entries):
        return entries


async def keep(folder: Path, *entries: SpoolEntry) -> Path:
    """What an earlier process has left; its file."""
    async with open_spool(folder, LOG) as (spool, _):
        for entry in entries:
            await spool.append([entry])
    return folder / "0.spool"


async def test_all_of_an_entry_is_read_back(tmp_path: Path) -> None:
    await keep(tmp_path, OPENED, FULL)
    assert await left_in(tmp_path) == [OPENED, FULL]


async def test_replacing_drops_what_was_there(tmp_path: Path) -> None:
    async with open_spool(tmp_path, LOG) as (spool, _):
        await spool.append([OPENED, FULL])
        await spool.replace_all([FULL])
        await spool.append([OPENED])
    assert await left_in(tmp_path) == [FULL, OPENED]
    async with open_spool(tmp_path, LOG) as (spool, _):
        await spool.replace_all([])
        await spool.append([FULL])
    assert await left_in(tmp_path) == [FULL]


async def test_many_at_a_time_come_there_in_order_and_share_flushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[int] = []
    flush = os.fsync

    def counted(descriptor: int) -> None:
        flushes.append(descriptor)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    entries = [settlement(number) for number in range(200)]
    async with open_spool(tmp_path, LOG) as (spool, _):
        await asyncio.gather(*(spool.append([entry]) for entry in entries))
    assert len(flushes) < 100
    assert await left_in(tmp_path) == entries


async def test_what_was_told_to_be_kept_is_kept_whatever_was_written_beside_it(tmp_path: Path) -> None:
    odd = replace(settlement(0), request_id=object())  # type: ignore[arg-type]  # what no message holds
    entries = [settlement(1), odd, *(settlement(number) for number in range(2, 50))]
    async with open_spool(tmp_path, LOG) as (spool, _):
        outcomes = await asyncio.gather(*(spool.append([entry]) for entry in entries), return_exceptions=True)
        await spool.append([settlement(50)])
    told = [entry for entry, outcome in zip(entries, outcomes, strict=True) if outcome is None]
    kept = await left_in(tmp_path)
    assert [entry for entry in kept if entry in told] == told
    assert (odd not in told, kept[-1]) == (True, settlement(50))


TAILS = {
    "half a header": b"\x00\x00",
    "half a record": records_of([FULL])[:-1],
    "zeros": bytes(4_096),
    "garbage": b"\xff" * 100,
    "empty content": b"\x00\x00\x00\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
async def test_a_torn_end_is_cut_with_a_line_and_nothing_else_lost(tmp_path: Path, tail: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = await keep(tmp_path, OPENED, FULL)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert await left_in(tmp_path) == [OPENED, FULL]
    assert path.read_bytes() == whole
    assert capsys.readouterr().out.count("spool_cut") == 1
    await keep(tmp_path, settlement(2))
    assert await left_in(tmp_path) == [OPENED, FULL, settlement(2)]


async def test_a_damaged_record_is_lost_alone(tmp_path: Path) -> None:
    path = await keep(tmp_path, OPENED, FULL)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    assert await left_in(tmp_path) == [FULL]


async def test_a_write_that_fails_half_way_hides_nothing_that_comes_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def half(descriptor: int, data: memoryview) -> int:
        if descriptor <= 2:
            return write(descriptor, data)
        write(descriptor, bytes(data)[: len(data) // 2])
        raise OSError(28, "No space left on device")

    async with open_spool(tmp_path, LOG) as (spool, _):
        await spool.append([OPENED])
        with monkeypatch.context() as broken:
            broken.setattr(os, "write", half)
            with pytest.raises(Unavailable, match="No space left"):
                await spool.append([FULL])
        await spool.append([settlement(2)])
    assert await left_in(tmp_path) == [OPENED, settlement(2)]


async def test_two_processes_at_once_have_a_file_each_and_the_next_finds_both(tmp_path: Path) -> None:
    async with open_spool(tmp_path, LOG) as (first, _), open_spool(tmp_path, LOG) as (second, found):
        assert found == []
        await first.append([OPENED])
        await second.append([FULL])
    assert await left_in(tmp_path) == [OPENED, FULL]
    assert not (tmp_path / "1.spool").exists()
    assert await left_in(tmp_path) == [OPENED, FULL]


async def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = await keep(tmp_path, FULL)
    assert path.stat().st_mode & 0o077 == 0


async def test_a_folder_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    with pytest.raises(Unavailable, match="spool"):
        await left_in(tmp_path / "spool")
