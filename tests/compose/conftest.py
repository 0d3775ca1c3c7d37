"""The product as containers: built, started with three classifiers, and taken down with all that they kept."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.containers import Containers

ROOT = Path(__file__).parents[2]
FILE = "docker-compose.enhanced.yml"
PROJECT = "pointsman-test"


def compose_command() -> list[str]:
    """The command as this machine has it: a plugin of docker, or a program of its own."""
    plugin = ["docker", "compose"]
    if shutil.which("docker") and subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
        return plugin
    return ["docker-compose"]


@pytest.fixture(scope="session")
def containers() -> Iterator[Containers]:
    """All services, ready, with three classifiers."""
    command = [*compose_command(), "-f", FILE, "-p", PROJECT]
    # What the tester's shell holds of keys and settings must not join in.
    ours = ("POINTSMAN_", "OPENAI_", "AZURE_", "ANTHROPIC_", "GEMINI_", "GITHUB_TOKEN", "HF_TOKEN", "OLLAMA_", "CLOUD_", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    running = Containers(command, ROOT, environment)
    running.run("build")
    start_s = time.monotonic()
    running.run("up", "--detach", "--scale", "classifier=3")
    try:
        running.await_ready()
        print(f"\nup and answering {time.monotonic() - start_s:.1f} s after its images were built")
        running.await_classifiers()
        yield running
    finally:
        running.run("down", "--volumes", "--timeout", "40", check=False)
