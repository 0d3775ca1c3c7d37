import signal
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from pointsman.kit.errors import AddressInUse
from pointsman.kit.lifecycle import run_until_stopped
from pointsman.kit.settings import SettingsError

@asynccontextmanager
async def serve():
    {start}
    try:
        yield {{"demo": "127.0.0.1:1"}}
    finally:
        await asyncio.sleep(0.05)
        print("left", flush=True)

async def on_ready(addresses):
    print(addresses["demo"], type(asyncio.get_running_loop()).__module__, flush=True)

sys.exit(run_until_stopped(serve(), on_ready=on_ready))
"""


def start(code: str = "pass") -> "subprocess.Popen[str]":
    program = PROGRAM.format(start=textwrap.dedent(code))
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_well_after_all_is_left(number: signal.Signals) -> None:
    with start() as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "127.0.0.1:1 uvloop\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "left\n", "")


def test_what_is_there_when_it_serves_is_not_collected_again_and_again() -> None:
    program = PROGRAM.replace('addresses["demo"]', "gc.get_freeze_count() > 1_000").replace("import asyncio", "import asyncio, gc")
    with subprocess.Popen([sys.executable, "-c", program.format(start="pass")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True uvloop\n"
        process.terminate()


def test_an_ignored_hangup_stays_ignored() -> None:
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + PROGRAM.format(start="pass")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_a_signal_during_a_long_start_ends_that_too() -> None:
    with start('print("starting", flush=True); await asyncio.sleep(60)') as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ('raise AddressInUse("127.0.0.1:80")', 1, ["pointsman: listen on 127.0.0.1:80: the port is taken by another process"]),
        ('raise SettingsError(["A: wrong", "B: unknown"])', 2, ["pointsman: A: wrong", "pointsman: B: unknown"]),
        ('raise ExceptionGroup("x", [SettingsError(["A: wrong"])])', 2, ["pointsman: A: wrong"]),
    ],
    ids=["port taken", "settings", "settings in a group"],
)
def test_a_start_that_fails_says_why_in_a_line_each(code: str, status: int, said: list[str]) -> None:
    with start(code) as process:
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err.splitlines()) == (status, "", said)


def test_a_bug_is_shown_whole() -> None:
    with start("1 / 0") as process:
        _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "ZeroDivisionError" in err
