"""SIGHUP to a registry in a process of its own: it reloads as a service, and ends with its terminal."""

import asyncio
import os
import pty
import signal
from pathlib import Path

from tests.integration.registry.registry_process import CATALOG_TEXT, calls_to, registry_in_process

END_TIMEOUT_S = 20.0


async def test_a_service_lives_through_a_hangup_and_reloads(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG_TEXT)
    async with registry_in_process(tmp_path / "var", catalog) as (process, address), calls_to(address) as calls:
        process.send_signal(signal.SIGHUP)
        assert (await calls.status()).model_count == 1
        assert process.returncode is None


async def test_a_terminal_that_is_closed_ends_what_runs_in_it(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG_TEXT)
    terminal, inside = pty.openpty()
    async with registry_in_process(tmp_path / "var", catalog, terminal=inside) as (process, _):
        os.close(inside)
        os.close(terminal)
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
