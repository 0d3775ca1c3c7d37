import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from structlog.testing import LogCapture

from pointsman.kit.background import in_background
from pointsman.kit.logging import Logger
from pointsman.registry.core.ports import OutputUnusable
from pointsman.registry.engine.catalog_export import CatalogExport
from tests.unit.registry.catalog_texts import HEAD, load

CATALOG = load(HEAD).configuration.catalog
OTHER = load(HEAD + "  - {id: other, provider: demo}\n").configuration.catalog


@dataclass
class MemoryOutput:
    """A file that is a list of what was written to it."""

    loop: asyncio.AbstractEventLoop
    is_full: bool = False
    written: list[str] = field(default_factory=list)
    tries: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)

    def write(self, text: str) -> None:
        is_full = self.is_full
        if not is_full:
            self.written.append(text)
        self.loop.call_soon_threadsafe(self.tries.put_nowait, not is_full)
        if is_full:
            raise OutputUnusable("no space left")


@asynccontextmanager
async def running(retry_s: float = 3600.0) -> AsyncIterator[tuple[MemoryOutput, CatalogExport, LogCapture]]:
    output, logged = MemoryOutput(asyncio.get_running_loop()), LogCapture()
    log: Logger = structlog.wrap_logger(None, processors=[logged], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    export = CatalogExport(output, log, retry_s=retry_s)
    async with in_background(export.run()):
        yield output, export, logged


async def test_what_is_offered_is_written() -> None:
    async with running() as (output, export, _):
        export.offer(CATALOG)
        await output.tries.get()
        export.offer(OTHER)
        await output.tries.get()
    assert [[model["id"] for model in json.loads(text)["models"]] for text in output.written] == [["small"], ["small", "other"]]


async def test_of_what_was_offered_in_between_only_the_newest_is_written() -> None:
    async with running() as (output, export, _):
        for _ in range(10):
            export.offer(CATALOG)
        export.offer(OTHER)
        await output.tries.get()
    assert len(output.written) == 1
    assert '"other"' in output.written[0]


async def test_a_failure_is_logged_once_told_and_tried_again() -> None:
    async with running(retry_s=0.0) as (output, export, logged):
        output.is_full = True
        export.offer(CATALOG)
        for _ in range(3):
            assert not await output.tries.get()
        was_failing = export.is_failing
        output.is_full = False
        while not await output.tries.get():
            pass
        export.offer(CATALOG)  # once this is written, what came of the one before is known
        await output.tries.get()
        assert (was_failing, export.is_failing) == (True, False)
    assert [line["event"] for line in logged.entries] == ["catalog_output_failed", "catalog_output_written_again"]


async def test_after_a_failure_a_newer_catalogue_is_written_at_once() -> None:
    async with running() as (output, export, _):
        output.is_full = True
        export.offer(CATALOG)
        await output.tries.get()
        output.is_full = False
        export.offer(OTHER)
        assert await output.tries.get()
    assert '"other"' in output.written[0]
