"""Several classifiers behind one gateway, each a process of its own, to be killed, frozen, thawed and joined by others."""

import re
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.stack import Process, Stack, product_environment

CATALOG = Path(__file__).parents[2] / "loadtest" / "catalog.yaml"
# Only recommendations are asked for: no provider is ever called.
NO_PROVIDER = {"BENCH_BASE_URL": "http://127.0.0.1:9/v1", "BENCH_KEY": "none", "LOG_LEVEL": "warning"}
CLASSIFIED = re.compile(r'^rpc_server_duration_seconds_count\{[^}]*rpc_method="[^"]*ClassifyPrompt"[^}]*\} (\S+)$', re.MULTILINE)
TOLD_TIMEOUT_S = 2.0
# In /proc/net/tcp and its twin for IPv6, which is what gRPC listens with: the last 32 bits of our end's address, its port, and,
# after the other end, the state (01: open) and the bytes to send, those not read.
SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
SOCKET = re.compile(r"^ *\d+: [0-9A-F]*([0-9A-F]{8}):([0-9A-F]{4}) [0-9A-F:]+ 01 [0-9A-F]{8}:([0-9A-F]{8})", re.MULTILINE)
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Replica:
    """One classifier."""

    process: Process
    settings: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where it takes calls over gRPC."""
        return self.process.addresses["classifier_grpc"]

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def freeze(self) -> None:
        """Let it do nothing more, with its connections open."""
        self.process.popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.popen.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start it anew where it was."""
        host, _, port = self.address.rpartition(":")
        self.settings = {**self.settings, "POINTSMAN_HOST": host, "POINTSMAN_CLASSIFIER_PORT": port}
        self.process = Process.start("classifier", self.settings, Path(self.settings["POINTSMAN_VAR_DIR"]).parent)

    def classified_count(self) -> int:
        """Prompts that it was sent over gRPC. Raises OSError where it does not tell."""
        return classified_count(self.process.addresses["classifier_rest"])

    def unread_byte_count(self) -> int:
        """Bytes that were sent to it over gRPC, and that it has not read: of a frozen one they tell what it is still sent."""
        host, _, port = self.address.rpartition(":")
        wanted = (socket.inet_aton(host)[::-1].hex().upper(), f"{int(port):04X}")
        found = [entry for path in SOCKETS for entry in SOCKET.findall(path.read_text(encoding="ascii"))]
        return sum(int(unread, 16) for address, local_port, unread in found if (address, local_port) == wanted)


@dataclass
class Fleet:
    """The running product."""

    stack: Stack
    environment: Mapping[str, str]
    replicas: list[Replica]

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self.stack.url

    def add_replica(self, extra: Mapping[str, str] | None = None) -> Replica:
        """One classifier more, ready. extra: settings of its own."""
        replica = start_replica({**self.environment, **self.stack.targets, **(extra or {})}, self.stack.folder)
        self.replicas.append(replica)
        return replica

    def start_gateway(self, classifier_target: str, extra: Mapping[str, str] | None = None) -> None:
        """Start the gateway, or another one in its place."""
        if "gateway" in self.stack.processes:
            self.stack.processes.pop("gateway").stop()
        targets = {**self.stack.targets, "POINTSMAN_CLASSIFIER_TARGET": classifier_target}
        self.stack.processes["gateway"] = Process.start("gateway", {**self.environment, **targets, **(extra or {})}, self.stack.folder)

    def start_gateway_of_all(self) -> None:
        """Start the gateway with the addresses of all classifiers."""
        self.start_gateway(list_target(self.replicas))


def classified_count(rest_address: str) -> int:
    """Prompts that a classifier was sent over gRPC. Raises OSError where it does not tell."""
    with NO_PROXY.open(f"http://{rest_address}/metrics", timeout=TOLD_TIMEOUT_S) as answer:
        return round(sum(float(count) for count in CLASSIFIED.findall(answer.read().decode())))


def list_target(replicas: Sequence[Replica]) -> str:
    """A gRPC target that names each of them."""
    return f"ipv4:{','.join(replica.address for replica in replicas)}"


def start_replica(settings: Mapping[str, str], folder: Path) -> Replica:
    """One classifier, ready."""
    return Replica(Process.start("classifier", settings, folder), settings)


@contextmanager
def running_fleet(folder: Path, extra: Mapping[str, str] | None = None) -> Iterator[Fleet]:
    """Registry, executor and ledger; classifiers and the gateway are started by whoever needs them, and all are ended here."""
    environment = product_environment(folder / "var", CATALOG, {**NO_PROVIDER, **(extra or {})})
    fleet = Fleet(Stack(folder, {}), environment, [])
    try:
        for service in ("registry", "executor", "ledger"):
            fleet.stack.processes[service] = Process.start(service, {**environment, **fleet.stack.targets}, folder)
        yield fleet
    finally:
        fleet.stack.stop()
        for replica in fleet.replicas:
            if replica.process.popen.poll() is None:
                replica.thaw()
                replica.process.stop()


def free_port(hosts: list[str]) -> int:
    """A port that was free a moment ago on every one of these addresses."""
    while True:
        port = 0
        sockets: list[socket.socket] = []
        try:
            for host in hosts:
                sockets.append(socket.socket())
                sockets[-1].bind((host, port))
                port = sockets[-1].getsockname()[1]
            return port
        except OSError:
            time.sleep(0.01)
        finally:
            for one in sockets:
                one.close()
