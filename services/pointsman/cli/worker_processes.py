"""A service as several processes on one machine: started together, started anew where one ends, ended together.

Each has ports of its own. One port for all (SO_REUSEPORT) would give each connection to one process, and a gateway has one
connection: measured with two processes, one of them got every call of one gateway, and in 11 of 20 trials of two gateways.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pointsman.kit.background import in_background
from pointsman.kit.errors import Unavailable
from pointsman.kit.lifecycle import EXIT_USAGE
from pointsman.kit.logging import Logger
from pointsman.kit.settings import SettingsError

EVENT_ENDED = "worker_ended"
EVENT_STARTED = "worker_started"
# One that ends once comes back soon; one that ends at each start is given a quarter of a minute, then all is ended.
FIRST_PAUSE_S = 0.5
MAX_RESTARTS = 5
STEADY_S = 60.0  # whoever ran so long did not end because of its start
# Beyond what running requests are given: to leave the rotation, to say goodbye, to write down what is kept.
FAREWELL_S = 10.0
PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html

Addresses = Mapping[str, str]
Ports = tuple[int, int]
"""Of gRPC and of REST."""


class Worker:
    """One process of several. number: from 1, for people."""

    def __init__(self, service: str, number: int, ports: Ports, log: Logger) -> None:
        """ports: 0 takes any free one, and keeps it over restarts."""
        self._service = service
        self._number = number
        self._ports = ports
        self._log = log
        self._process: Process | None = None

    async def start(self) -> Addresses:
        """Its addresses, when it takes work. Raises SettingsError or Unavailable where it ends before."""
        arguments = (sys.executable, "-m", "pointsman", self._service)
        prefix = f"POINTSMAN_{self._service.upper()}"
        settings = {f"{prefix}_WORKERS": "1", f"{prefix}_PORT": str(self._ports[0]), f"{prefix}_REST_PORT": str(self._ports[1])}
        # In a session of its own, so that Ctrl-C in a terminal reaches this process alone, which passes it on.
        process = self._process = await asyncio.create_subprocess_exec(
            *arguments, env={**os.environ, **settings}, stdin=DEVNULL, stdout=PIPE, start_new_session=True, preexec_fn=end_with_parent
        )
        line = b"" if process.stdout is None else await process.stdout.readline()
        if not line:
            raise self.failure(await process.wait())
        addresses: Addresses = json.loads(line)
        self._ports = (port_of(addresses[f"{self._service}_grpc"]), port_of(addresses[f"{self._service}_rest"]))
        return addresses

    async def keep(self) -> None:
        """Start it anew whenever it ends. Raises SettingsError or Unavailable where it does not come to run for a while."""
        restart_count = 0
        while True:
            start_s = time.monotonic()
            status = await self._wait()
            self._log.warning(EVENT_ENDED, worker=self._number, status=status)
            restart_count = 0 if time.monotonic() - start_s > STEADY_S else restart_count
            if restart_count == MAX_RESTARTS:
                raise self.failure(status)
            await asyncio.sleep(FIRST_PAUSE_S * 2**restart_count)
            restart_count += 1
            try:
                await self.start()
            except (SettingsError, Unavailable):
                continue  # it has said why, and its end is counted above
            self._log.info(EVENT_STARTED, worker=self._number)

    async def stop(self, drain_s: float) -> None:
        """Ask it to end, and make it where it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(drain_s + FAREWELL_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def failure(self, status: int) -> SettingsError | Unavailable:
        """What ends the whole command as it ended the worker."""
        said = f"{self._service}: worker {self._number} ended with status {status}"
        return SettingsError([said]) if status == EXIT_USAGE else Unavailable("worker_ended", said)

    async def _wait(self) -> int:
        return -1 if self._process is None else await self._process.wait()


@asynccontextmanager
async def serve_workers(service: str, ports: Sequence[Ports], *, drain_s: float, log: Logger) -> AsyncIterator[Addresses]:
    """Run a process for each pair of ports until the context is left; yields all addresses once all of them take work.

    Its gRPC address is one target that names them all. Raises SettingsError or Unavailable where one does not start, now or later.
    """
    workers = [Worker(service, number, pair, log) for number, pair in enumerate(ports, 1)]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(stop_all, workers, drain_s)
        starting = [asyncio.create_task(worker.start()) for worker in workers]
        try:
            found = await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()
        await stack.enter_async_context(in_background(*(worker.keep() for worker in workers)))
        yield joined(service, found)


async def stop_all(workers: Sequence[Worker], drain_s: float) -> None:
    """End all of them at once."""
    await asyncio.gather(*(worker.stop(drain_s) for worker in workers))


def joined(service: str, found: Sequence[Addresses]) -> Addresses:
    """The addresses of all under names of their own: the gRPC target of all, and of each its REST facade."""
    rest = f"{service}_rest"
    own = {rest if number == 1 else f"{rest}_{number}": addresses[rest] for number, addresses in enumerate(found, 1)}
    return {**own, f"{service}_grpc": list_target([addresses[f"{service}_grpc"] for addresses in found])}


def list_target(addresses: Sequence[str]) -> str:
    """A gRPC target that names all of these: gRPC knows lists of numbers, not of names."""
    ends = [address.rpartition(":") for address in addresses]
    if ends[0][0].startswith("["):
        return f"ipv6:{','.join(addresses)}"
    return f"ipv4:{','.join(f'{socket.gethostbyname(host)}:{port}' for host, _, port in ends)}"


def port_of(address: str) -> int:
    """The port of an address."""
    return int(address.rpartition(":")[2])


def end_with_parent() -> None:
    """Have Linux end this process with the one that started it, however that ends: else it would go on, and hold its ports."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
