"""Group commit: what arrives while one transaction is flushed goes together into the next."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

from pointsman.kit.errors import Overloaded, Unavailable


class GroupCommit:
    """A bounded queue before a function that handles many items at once, on a thread of its own.

    handle: takes items, returns as many outcomes; an outcome that is an exception is raised to its caller,
    and what `handle` itself raises reaches all of them.
    """

    def __init__(self, handle: Callable[[Sequence[Any]], list[Any]], *, executor: Executor, max_waiting: int) -> None:
        self._handle = handle
        self._executor = executor
        self._max_waiting = max_waiting
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._arrived = asyncio.Event()
        self._closed = False

    @property
    def waiting_count(self) -> int:
        """Items that wait for their turn."""
        return len(self._waiting)

    async def submit(self, item: Any) -> Any:
        """The item's outcome once it is handled. Raises Overloaded where too many wait, Unavailable after the end.

        An item whose caller has gone before its turn is not handled.
        """
        if self._closed:
            raise Unavailable("shutting_down", "the ledger is stopping")
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded("overloaded", f"{len(self._waiting)} writes wait for the disk", retry_after_s=1.0)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Handle what arrives, until it is closed and nothing waits."""
        try:
            while self._waiting or not self._closed:
                await self._arrived.wait()
                self._arrived.clear()
                await self._handle_waiting()
        finally:
            for _, future in self._waiting:
                future.cancel()

    def close(self) -> None:
        """Take nothing more; `run` ends when it has handled what waits."""
        self._closed = True
        self._arrived.set()

    async def _handle_waiting(self) -> None:
        batch = [(item, future) for item, future in self._waiting if not future.done()]
        self._waiting.clear()
        if not batch:
            return
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(self._executor, self._handle, [item for item, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as exc:  # noqa: BLE001  # the boundary: handed to every caller, and the queue lives on
            outcomes = [exc] * len(batch)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
