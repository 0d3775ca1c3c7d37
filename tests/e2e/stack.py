"""The product as real processes: all in one, or a process for each service."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.settings import known_names

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20

# Started in this order, because each one is told where those before it listen.
SERVICES = ("registry", "classifier", "executor", "ledger", "gateway", "dashboard")


def product_environment(var_dir: Path, catalog: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The machine's environment without any setting of ours, then those of the test."""
    ours = ("POINTSMAN_", "OLLAMA_", "OPENAI_", "MODEL_PROFILES_PATH", "DATABASE_", "REDIS_", "PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ports = {name: "0" for name in known_names() if name.startswith("POINTSMAN_") and name.endswith("_PORT")}
    # An address where nothing listens: an Ollama on the tester's machine must not join in.
    nowhere = {"OLLAMA_BASE_URL": "http://127.0.0.1:9"}
    return {**kept, **ports, **nowhere, "POINTSMAN_VAR_DIR": str(var_dir), "POINTSMAN_CATALOG": str(catalog), **extra}


@dataclass
class Process:
    """One `pointsman` command, and the addresses that it printed when it was ready."""

    command: str
    popen: subprocess.Popen[bytes]
    addresses: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, command: str, environment: Mapping[str, str], folder: Path) -> "Process":
        """Start the command and wait until it says that it is ready."""
        log = (folder / f"{command}.log").open("ab")
        arguments = [sys.executable, "-m", "pointsman", command, "--json"]
        popen = subprocess.Popen(arguments, env=dict(environment), cwd=folder, stdout=subprocess.PIPE, stderr=log)
        log.close()
        process = cls(command, popen)
        try:
            process.addresses = process.await_addresses(folder / f"{command}.log")
        except BaseException:
            process.kill()
            raise
        return process

    def await_addresses(self, log: Path) -> dict[str, str]:
        """The JSON object on standard output that follows readiness."""
        assert self.popen.stdout is not None
        timer = signal.signal(signal.SIGALRM, self.give_up)
        signal.alarm(START_TIMEOUT_S)
        try:
            line = self.popen.stdout.readline()
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, timer)
        assert line, f"{self.command} did not start: {log.read_text()[-3000:]}"
        addresses: dict[str, str] = json.loads(line)
        return addresses

    def give_up(self, *_: object) -> None:
        self.popen.kill()
        raise TimeoutError(f"{self.command} was not ready after {START_TIMEOUT_S} s")

    def kill(self) -> None:
        """End it without any chance to tidy up."""
        self.popen.kill()
        self.wait()

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        try:
            return self.popen.wait(STOP_TIMEOUT_S)
        finally:
            if self.popen.stdout is not None:
                self.popen.stdout.close()


@dataclass
class Stack:
    """The running product."""

    folder: Path
    processes: dict[str, Process]

    @property
    def addresses(self) -> dict[str, str]:
        return {name: address for process in self.processes.values() for name, address in process.addresses.items()}

    @property
    def targets(self) -> dict[str, str]:
        """Where each service listens, as the settings of the others."""
        suffix = "_grpc"
        addresses = self.addresses
        grpc = {name.removesuffix(suffix): address for name, address in addresses.items() if name.endswith(suffix)}
        gateway = {"POINTSMAN_GATEWAY_URL": f"http://{addresses['gateway']}"} if "gateway" in addresses else {}
        return {**{f"POINTSMAN_{service.upper()}_TARGET": address for service, address in grpc.items()}, **gateway}

    @property
    def url(self) -> str:
        return f"http://{self.addresses['gateway']}"

    def stop(self) -> dict[str, int]:
        """End all that still runs, the gateway first; exit statuses by command."""
        running = [process for process in reversed(self.processes.values()) if process.popen.poll() is None]
        return {process.command: process.stop() for process in running}

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


def start_up(folder: Path, environment: Mapping[str, str]) -> Stack:
    """Everything in one process."""
    return Stack(folder, {"up": Process.start("up", environment, folder)})


def start_services(folder: Path, environment: Mapping[str, str], own: Mapping[str, Mapping[str, str]] | None = None) -> Stack:
    """A process for each service, which find each other by address. own: settings of one service alone, by service."""
    stack = Stack(folder, {})
    try:
        for service in SERVICES:
            settings = {**environment, **stack.targets, **(own or {}).get(service, {})}
            stack.processes[service] = Process.start(service, settings, folder)
    except BaseException:
        stack.stop()
        raise
    return stack
