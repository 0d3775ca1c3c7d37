"""Writes each catalogue that is handed out to a file for other programs, beside the service and never in its way."""

import asyncio

from pointsman.kit.logging import Logger
from pointsman.registry import names
from pointsman.registry.core.catalog import Catalog
from pointsman.registry.core.older.model_list_text import models_json_text
from pointsman.registry.core.ports import CatalogOutput, OutputUnusable

# A disk that is full is emptied by people, so within minutes rather than seconds.
RETRY_S = 30.0


class CatalogExport:
    """Takes catalogues with `offer`; `run` writes the newest."""

    def __init__(self, output: CatalogOutput, log: Logger, *, retry_s: float = RETRY_S) -> None:
        """retry_s: how long after a failure it is tried again, where no newer catalogue comes before."""
        self._output = output
        self._log = log
        self._retry_s = retry_s
        self._newest: Catalog | None = None
        self._news = asyncio.Event()
        self.is_failing = False

    def offer(self, catalog: Catalog) -> None:
        """Have this one written in place of what was offered before."""
        self._newest = catalog
        self._news.set()

    async def run(self) -> None:
        """Write what is offered, for ever."""
        while True:
            await self._wait()
            catalog, self._newest = self._newest, None
            if catalog is None:
                continue
            try:
                await asyncio.to_thread(self._write, catalog)
            except OutputUnusable as error:
                self._fail(catalog, error)
            else:
                self._succeed()

    def _write(self, catalog: Catalog) -> None:
        self._output.write(models_json_text(catalog))

    async def _wait(self) -> None:
        """Until there is something new, or it is time to try again."""
        try:
            async with asyncio.timeout(self._retry_s if self.is_failing else None):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    def _fail(self, catalog: Catalog, error: OutputUnusable) -> None:
        if self._newest is None:
            self._newest = catalog  # to be tried again
        if not self.is_failing:
            self._log.error(names.OUTPUT_FAILED, reason=str(error))
        self.is_failing = True

    def _succeed(self) -> None:
        if self.is_failing:
            self._log.info(names.OUTPUT_WRITTEN_AGAIN)
        self.is_failing = False
