"""Several classifiers on one volume, started at once."""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp

from pointsman.api.config.v1.config_pb2 import ClassificationConfig, ConfigSnapshot, KeywordRule
from pointsman.classifier.adapters.cache_secret import cache_secret
from pointsman.kit.config_watch import read_copy, write_copy

REPLICAS = 3
START_S = 120.0


async def start(var_dir: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "tests.integration.classifier.start_replica", str(var_dir)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def said(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """What a replica tells of its start."""
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        while line := await process.stdout.readline():
            if line.startswith(b'{"classifier'):
                told: dict[str, Any] = json.loads(line)
                return told
    _, errors = await process.communicate(b"")
    raise AssertionError(errors.decode())


async def test_three_replicas_start_at_once_on_an_empty_volume(tmp_path: Path) -> None:
    processes = [await start(tmp_path) for _ in range(REPLICAS)]
    try:
        told = await asyncio.gather(*(said(process) for process in processes))
        async with aiohttp.ClientSession() as session:
            found = []
            for one in told:
                address = one["classifier_rest"]
                async with session.post(f"http://{address}/classify", json={"prompt": "Write a Python function to sort a list"}) as answer:
                    found.append(await answer.json())
    finally:
        ends = await asyncio.gather(*(process.communicate(b"") for process in processes))
    assert [one["encoder"] for one in found] == ["onnx-int8"] * REPLICAS
    assert len({one["b"] for one in found}) == 1
    # One built the graph; who came late told nothing of it.
    assert [step for one in told for step in one["steps"]].count("done") == 1
    assert len({one["secret"] for one in told}) == 1
    assert [process.returncode for process in processes] == [0] * REPLICAS, ends
    assert {path.suffix for path in (tmp_path / "classifier").iterdir()} == {".onnx", ".sha256", ".key"}


def test_secret_that_many_make_at_once_is_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as executor:
        secrets = set(executor.map(lambda _: cache_secret(tmp_path, None), range(64)))
    assert len(secrets) == 1


def test_copy_that_many_write_at_once_is_whole_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "classification.snapshot"
    snapshots = [
        ConfigSnapshot(classification=ClassificationConfig(keyword_rules=[KeywordRule(name="x" * 1_000)] * count))
        for count in (1, 100, 200, 300)
    ]
    write_copy(path, snapshots[0])

    def write_and_read(index: int) -> bool:
        write_copy(path, snapshots[index % len(snapshots)])
        return read_copy(path) in snapshots

    with ThreadPoolExecutor(8) as executor:
        assert all(executor.map(write_and_read, range(400)))
    assert list(tmp_path.iterdir()) == [path]
