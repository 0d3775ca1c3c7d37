"""What a start refuses, in words."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import CATALOG
from tests.e2e.stack import START_TIMEOUT_S, product_environment

FAILED, USAGE = 1, 2
WITHOUT_NICEGUI = "import sys; sys.modules['nicegui'] = None; from pointsman.__main__ import main; sys.exit(main(['dashboard']))"


def run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
    )


@pytest.mark.parametrize("command", ["dashboard", "up"])
def test_busy_port_ends_with_one_line_that_names_it(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = product_environment(tmp_path, CATALOG, {"POINTSMAN_DASHBOARD_PORT": port, "LOG_LEVEL": "error"})
        ended = run("-m", "pointsman", command, environment=environment)
    assert ended.returncode == FAILED
    assert [port in line for line in ended.stderr.splitlines()] == [True]


def test_open_address_without_a_key_is_refused(tmp_path: Path) -> None:
    environment = product_environment(tmp_path, CATALOG, {"POINTSMAN_HOST": "0.0.0.0"})
    ended = run("-m", "pointsman", "dashboard", environment=environment)
    assert ended.returncode == USAGE
    assert "POINTSMAN_DASHBOARD_KEY" in ended.stderr


def test_library_that_is_missing_is_told_in_one_line(tmp_path: Path) -> None:
    ended = run("-c", WITHOUT_NICEGUI, environment=product_environment(tmp_path, CATALOG, {"LOG_LEVEL": "error"}))
    assert ended.returncode == FAILED
    assert ["pip install 'pointsman[dashboard]'" in line for line in ended.stderr.splitlines()] == [True]


def test_no_other_command_imports_the_pages() -> None:
    program = "import sys; import pointsman.up; sys.exit('nicegui' in sys.modules)"
    assert run("-c", program, environment={}).returncode == 0
