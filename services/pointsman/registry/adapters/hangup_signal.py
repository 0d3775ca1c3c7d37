"""What SIGHUP means: a service is told to reload, a program in a terminal that the terminal has gone."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

TERMINAL = "/dev/tty"


def has_terminal() -> bool:
    """Whether the process has a controlling terminal, whose end the system tells it by SIGHUP; also where its input is a file."""
    try:
        os.close(os.open(TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def on_hangup(reload: Callable[[], Awaitable[None]], *, has_terminal: bool) -> Iterator[None]:
    """Reload on SIGHUP until the context is left.

    Not where there is a terminal: there SIGHUP says that it was closed, which has to end what runs in it, not
    leave it behind unseen with its ports taken. Files are watched, so nothing is lost by that.
    """
    if has_terminal:
        yield
        return
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Future[None]] = set()

    def on_signal() -> None:
        task = asyncio.ensure_future(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_signal)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in reloads:
            task.cancel()
