"""One `pointsman classifier` command that runs two processes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.fleet import Fleet, Replica, classified_count, running_fleet
from tests.faults.steady_load import OK, SteadyLoad

WORKERS = {"POINTSMAN_CLASSIFIER_WORKERS": "2"}
WITHIN_S = 20.0
RATE = 30.0


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with running_fleet(tmp_path, {"POINTSMAN_DRAIN_S": "5"}) as fleet:
        yield fleet


@pytest.fixture
def parent(fleet: Fleet) -> Replica:
    """The command, and a gateway that knows its workers."""
    replica = fleet.add_replica(WORKERS)
    fleet.start_gateway(replica.address)
    return replica


def workers_of(parent: Replica) -> dict[str, psutil.Process]:
    """The workers by the address of their facade."""
    children = psutil.Process(parent.process.popen.pid).children()
    rest = [address for name, address in parent.process.addresses.items() if name.startswith("classifier_rest")]
    return {address: child for address in rest for child in children if int(address.rpartition(":")[2]) in listened_ports(child)}


def listened_ports(process: psutil.Process) -> set[int]:
    try:
        return {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    except psutil.NoSuchProcess:
        return set()


def await_true(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.1)


def test_two_workers_share_calls_come_back_when_killed_and_drain_together(fleet: Fleet, parent: Replica) -> None:
    workers = workers_of(parent)
    assert len(workers) == 2
    with SteadyLoad(fleet.url, RATE) as load:
        time.sleep(3)
        counts = [classified_count(address) for address in workers]
        assert min(counts) >= 0.4 * sum(counts)

        victim_address, victim = next(iter(workers.items()))
        victim.kill()
        await_true(lambda: workers_of(parent).get(victim_address, victim) != victim)
        await_true(lambda: classified_count(victim_address) > 0)

        children = psutil.Process(parent.process.popen.pid).children()
        load.stop()
    assert parent.process.stop() == 0
    assert not any(child.is_running() for child in children)
    assert {one.status for one in load.asked} == {OK}
    print(f"\n{len(load.asked)} requests, shares {counts}, {sum(one.is_degraded for one in load.asked)} by rules")


def test_workers_do_not_outlive_a_command_that_is_killed(fleet: Fleet, parent: Replica) -> None:
    children = psutil.Process(parent.process.popen.pid).children()
    assert len(children) == 2
    parent.kill()
    assert psutil.wait_procs(children, timeout=WITHIN_S)[1] == []


def test_a_worker_that_does_not_start_ends_the_command(fleet: Fleet) -> None:
    first = fleet.add_replica()
    taken = {"POINTSMAN_CLASSIFIER_PORT": first.address.rpartition(":")[2]}
    with pytest.raises(AssertionError, match="the port is taken by another process\npointsman: classifier: worker 1 ended with status 1"):
        fleet.add_replica({**WORKERS, **taken})


@pytest.mark.faults  # half a minute
def test_a_worker_that_ends_over_and_over_ends_the_command(parent: Replica) -> None:
    end_s = time.monotonic() + 60
    while parent.process.popen.poll() is None:
        assert time.monotonic() < end_s
        for child in workers_of(parent).values():
            child.kill()
        time.sleep(0.2)
    assert parent.process.wait() == 1
