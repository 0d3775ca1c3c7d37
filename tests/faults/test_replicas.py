"""Classifiers that die, freeze, start and join under load. `make faults` runs what takes long, and prints the figures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet
from tests.faults.scenarios import CONNECTION_AGE_S, SERVING, fleet_of, freeze_one, join_one, kill_one, start_cold, throughput

REPLICAS = 3
SLACK_S = 0.5  # what a timer may be late on a machine that has other things to do
OUT_WITHIN_S = 2.0
BACK_WITHIN_S = 5.0
MAX_DEGRADED_SHARE = 0.05
LOOK_UP_S = 35.0  # gRPC looks a name up at most each 30 s; and then connects
SLACK_MS = 50.0  # of two cores, one has gateway and load to carry


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet_of(REPLICAS, tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def fleet(started: Fleet) -> Fleet:
    """All of them running, whatever the last test has left."""
    for replica in started.replicas:
        if replica.process.popen.poll() is not None:
            replica.restart()
    return started


def test_no_request_fails_when_a_classifier_is_killed(fleet: Fleet) -> None:
    outcome = kill_one(fleet, watch_s=4.0)
    print(f"\none of three killed: {outcome}")
    assert outcome.failed_count == 0
    assert outcome.degraded_share <= MAX_DEGRADED_SHARE
    assert outcome.out_after_s is not None
    assert outcome.out_after_s <= OUT_WITHIN_S + SLACK_S


@pytest.mark.faults
def test_a_frozen_classifier_is_left_out_and_taken_back(fleet: Fleet) -> None:
    outcome = freeze_one(fleet)
    print(f"\none of three frozen: {outcome}")
    assert outcome.failed_count == 0
    assert outcome.degraded_share <= MAX_DEGRADED_SHARE
    assert outcome.out_after_s is not None
    assert outcome.out_after_s <= OUT_WITHIN_S + SLACK_S
    assert outcome.back_after_s is not None
    assert outcome.back_after_s <= BACK_WITHIN_S + SLACK_S


@pytest.mark.faults
def test_a_classifier_takes_no_call_before_it_is_warm(fleet: Fleet) -> None:
    fleet.replicas[-1].kill()
    start = start_cold(fleet)
    print(f"\none of three started anew: {start}; its health was {list(start.healths)}")
    assert set(start.healths[:-1]) <= {None, "NOT_SERVING"}
    assert start.healths[-1] == SERVING
    assert start.outcome.failed_count == 0
    assert start.first_calls.quantile_ms(0.95) <= 2 * start.warm_calls.quantile_ms(0.95) + SLACK_MS


@pytest.mark.faults
def test_every_classifier_more_takes_its_share_of_calls(fleet: Fleet) -> None:
    for count in range(1, REPLICAS + 1):
        done = throughput(fleet.replicas[:count])
        print(f"\n{done}")
        assert min(done.shares) >= 0.8 * sum(done.shares) / count


@pytest.mark.faults
def test_a_classifier_that_joins_gets_its_share_without_a_failure(tmp_path: Path) -> None:
    outcome = join_one(tmp_path)
    print(f"\na fourth joined: {outcome}")
    assert outcome.failed_count == 0
    assert outcome.degraded_share <= MAX_DEGRADED_SHARE
    assert outcome.back_after_s is not None
    assert outcome.back_after_s <= CONNECTION_AGE_S + LOOK_UP_S + SLACK_S
