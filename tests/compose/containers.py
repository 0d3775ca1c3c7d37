"""Running containers of the product, and what a user on this machine asks of them."""

import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.manual import ask

GATEWAY, REGISTRY, DASHBOARD = "http://127.0.0.1:8080", "http://127.0.0.1:8001", "http://127.0.0.1:8090"
READY_TIMEOUT_S = 120.0
OK = 200
CLASSIFIED = re.compile(r'^rpc_server_duration_seconds_count\{[^}]*rpc_method="[^"]*ClassifyPrompt"[^}]*\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Containers:
    """One compose project. command: compose with its file and project."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run compose; what it printed."""
        done = subprocess.run(
            [*self.command, *arguments], cwd=self.folder, env=dict(self.environment), capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def await_classifiers(self) -> None:
        """Return when every classifier takes work."""
        end_s = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < end_s:
            with suppress(OSError):
                if all(ask(f"{url}/readyz")[0] == OK for url in self.classifier_urls()):
                    return
            time.sleep(0.25)
        raise TimeoutError(f"not every classifier was ready after {READY_TIMEOUT_S:g} s")

    def await_ready(self) -> None:
        """Return when a prompt is routed with nothing missing."""
        end_s = time.monotonic() + READY_TIMEOUT_S
        last: Any = None
        while time.monotonic() < end_s:
            try:
                status, last, _ = ask(f"{GATEWAY}/route", {"prompt": "Prove that there are infinitely many primes", "mode": "recommend"})
                if status == OK and "classifier" not in last["degraded"] and ask(f"{DASHBOARD}/health")[0] == OK:
                    return
            except OSError as error:
                last = error
            time.sleep(0.25)
        raise TimeoutError(f"not ready after {READY_TIMEOUT_S:g} s: {last}\n{self.run('logs', '--no-color', check=False)[-5000:]}")

    def ids(self, service: str) -> list[str]:
        """Ids of the service's running containers."""
        return self.run("ps", "-q", service).split()

    def classifier_urls(self) -> list[str]:
        """Where each classifier's facade is published."""
        inspected = [json.loads(docker("inspect", one))[0] for one in self.ids("classifier")]
        ports = [one["NetworkSettings"]["Ports"]["5001/tcp"] for one in inspected if one["State"]["Running"]]
        return [f"http://127.0.0.1:{published[0]['HostPort']}" for published in ports]

    def classified_counts(self) -> list[float]:
        """How many prompts each classifier was sent over gRPC."""
        texts = [ask(f"{url}/metrics")[1] for url in self.classifier_urls()]
        return [sum(float(count) for count in CLASSIFIED.findall(text)) for text in texts]


def docker(*arguments: str) -> str:
    """Run docker; what it printed."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout
