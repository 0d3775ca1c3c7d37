"""From start to stop of a process: enter what serves, wait for a signal, leave it."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import uvloop

from pointsman.kit.errors import ServiceError
from pointsman.kit.settings import SettingsError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2

Addresses = Mapping[str, str]
OnReady = Callable[[Addresses], Awaitable[None]]


def run_until_stopped(serving: AbstractAsyncContextManager[Addresses], *, on_ready: OnReady) -> int:
    """Serve until SIGINT, SIGTERM, or the end of the terminal; the exit status.

    It is 0 after a signal, 1 where the start failed, 2 where the settings did.
    on_ready: called once with the bound addresses.
    """
    try:
        uvloop.run(serve_until_signal(serving, on_ready))
    except* SettingsError as group:
        explain([problem for error in leaves(group) if isinstance(error, SettingsError) for problem in error.problems])
        status = EXIT_USAGE
    except* ServiceError as group:
        explain([error.message for error in leaves(group) if isinstance(error, ServiceError)])
        status = EXIT_FAILED
    else:
        status = EXIT_OK
    return status


async def serve_until_signal(serving: AbstractAsyncContextManager[Addresses], on_ready: OnReady) -> None:
    """Serve on the running loop. A signal during the start ends that too."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    starting = asyncio.current_task()

    def on_signal() -> None:
        stop.set()
        if starting is not None and not ready:
            starting.cancel()

    ready = False
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup has it ignored, and so it stays
        loop.add_signal_handler(signal.SIGHUP, on_signal)
    try:
        async with serving as addresses:
            ready = True
            keep_from_collection()
            await on_ready(addresses)
            await stop.wait()
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


def keep_from_collection() -> None:
    """Spare the garbage collector what is there once a process serves: it stays, and to look it all over took 0.1 s each time."""
    gc.collect()
    gc.freeze()


def explain(problems: Sequence[str]) -> None:
    """Say why there is no start, a line each."""
    print("\n".join(f"pointsman: {problem}" for problem in problems), file=sys.stderr)


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The exceptions of a group, and of the groups in it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
