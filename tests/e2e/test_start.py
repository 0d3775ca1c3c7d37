"""What a start refuses, and how it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import CATALOG
from tests.e2e.stack import START_TIMEOUT_S, Process, product_environment

USAGE = 2
FAILED = 1


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "pointsman", command]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)


@pytest.mark.parametrize("command", ["up", "gateway"])
def test_an_open_address_without_a_key_is_refused(tmp_path: Path, command: str) -> None:
    ended = run(command, product_environment(tmp_path, CATALOG, {"POINTSMAN_HOST": "0.0.0.0"}))
    assert ended.returncode == USAGE
    assert "POINTSMAN_ADMIN_KEY" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_all_mistakes_in_the_settings_are_told_at_once(tmp_path: Path) -> None:
    ended = run("up", product_environment(tmp_path, CATALOG, {"POINTSMAN_GATEWAY_PORTS": "1", "POINTSMAN_LEDGER_PORT": "many"}))
    assert ended.returncode == USAGE
    assert len(ended.stderr.splitlines()) == 2
    assert "did you mean POINTSMAN_GATEWAY_PORT?" in ended.stderr
    assert "POINTSMAN_LEDGER_PORT" in ended.stderr


def test_a_second_one_on_the_same_folder_ends_with_one_line(tmp_path: Path) -> None:
    environment = product_environment(tmp_path, CATALOG, {})
    first = Process.start("up", environment, tmp_path)
    try:
        second = run("up", environment)
    finally:
        assert first.stop() == 0
    assert second.returncode == FAILED
    assert str(tmp_path) in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_a_busy_port_ends_with_one_line_that_names_it(tmp_path: Path) -> None:
    first = Process.start("ledger", product_environment(tmp_path / "first", CATALOG, {}), tmp_path)
    port = first.addresses["ledger_grpc"].rsplit(":", 1)[1]
    try:
        second = run("ledger", product_environment(tmp_path / "second", CATALOG, {"POINTSMAN_LEDGER_PORT": port}))
    finally:
        assert first.stop() == 0
    assert second.returncode == FAILED
    assert [port in line for line in second.stderr.splitlines()] == [True]
