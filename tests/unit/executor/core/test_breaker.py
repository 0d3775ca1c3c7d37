"""The circuit breaker."""

import pytest

from pointsman.executor.core.breaker import BASE_EJECTION_S, MAX_EJECTION_S, Breaker, BreakerState


def call(breaker: Breaker, now_s: float, *, succeeds: bool) -> None:
    is_probe = breaker.begin()
    if succeeds:
        breaker.succeed(now_s, is_probe=is_probe)
    else:
        breaker.fail(now_s, is_probe=is_probe)


def opened(now_s: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(5):
        call(breaker, now_s, succeeds=False)
    return breaker


# + a success, - a failure, one each second.
HISTORIES = {
    "four failures in a row": ("----", BreakerState.CLOSED),
    "five in a row": ("-----", BreakerState.OPEN),
    "a success between": ("----+----", BreakerState.CLOSED),
    "half of ten": ("+-+-+-+-+-", BreakerState.OPEN),
    "half of nine": ("+-+-+-+-", BreakerState.CLOSED),
    "less than half": ("++-+-+-++-+-+-+++-", BreakerState.CLOSED),
}


@pytest.mark.parametrize(("history", "state"), HISTORIES.values(), ids=HISTORIES.keys())
def test_breaker_opens_after_five_in_a_row_or_half_of_ten_in_ten_seconds(history: str, state: BreakerState) -> None:
    breaker = Breaker()
    for second, sign in enumerate(history):
        call(breaker, second * 0.9, succeeds=sign == "+")
    assert breaker.state(len(history) * 0.9) is state


def test_failures_older_than_the_window_do_not_count() -> None:
    breaker = Breaker()
    for second, sign in enumerate("+-+-+-+-+-"):
        call(breaker, second * 5.0, succeeds=sign == "+")
    assert breaker.state(50.0) is BreakerState.CLOSED


def test_open_breaker_lets_one_probe_through_after_its_ejection() -> None:
    breaker = opened()
    assert not breaker.admits(100.0 + BASE_EJECTION_S - 0.01)
    assert breaker.state(100.0 + BASE_EJECTION_S) is BreakerState.HALF_OPEN
    assert breaker.admits(100.0 + BASE_EJECTION_S)
    breaker.begin()
    assert not breaker.admits(100.0 + BASE_EJECTION_S)


def test_probe_that_succeeds_closes() -> None:
    breaker = opened()
    call(breaker, 106.0, succeeds=True)
    assert breaker.state(106.0) is BreakerState.CLOSED
    assert breaker.admits(106.0)


def test_probe_that_is_cancelled_makes_room_for_the_next() -> None:
    breaker = opened()
    breaker.ignore(is_probe=breaker.begin())
    assert breaker.admits(106.0)
    assert breaker.state(106.0) is BreakerState.HALF_OPEN


def test_ejections_grow_up_to_a_limit() -> None:
    breaker, now_s, ejections_s = opened(0.0), 0.0, []
    for _ in range(70):
        opens_at_s = breaker.opens_at_s()
        assert opens_at_s is not None
        ejections_s.append(opens_at_s - now_s)
        now_s = opens_at_s
        call(breaker, now_s, succeeds=False)
    assert ejections_s[:4] == pytest.approx([5, 10, 15, 20])
    assert max(ejections_s) == pytest.approx(MAX_EJECTION_S)


def test_ejections_are_forgotten_one_for_each_minute_of_health() -> None:
    breaker = opened(0.0)
    call(breaker, 5.0, succeeds=False)  # two ejections
    call(breaker, 20.0, succeeds=True)
    for _ in range(5):
        call(breaker, 81.0, succeeds=False)
    assert breaker.opens_at_s() == pytest.approx(81.0 + 2 * BASE_EJECTION_S)


def test_calls_that_began_before_the_opening_neither_close_nor_prolong_it() -> None:
    breaker = Breaker()
    late = [breaker.begin() for _ in range(7)]
    for is_probe in late[:5]:
        breaker.fail(100.0, is_probe=is_probe)
    breaker.succeed(101.0, is_probe=late[5])
    breaker.fail(102.0, is_probe=late[6])
    assert breaker.opens_at_s() == pytest.approx(105.0)


def test_probe_that_came_early_and_failed_prolongs_nothing() -> None:
    breaker = opened()
    for number in range(20):
        call(breaker, 101.0 + number / 10, succeeds=False)
    assert breaker.opens_at_s() == pytest.approx(100.0 + BASE_EJECTION_S)
    call(breaker, 104.0, succeeds=True)
    assert breaker.state(104.0) is BreakerState.CLOSED


def test_provider_that_flaps_is_left_alone_ever_longer() -> None:
    """Three seconds up, three down, ten requests a second, and another provider to go to."""
    breaker, failures_by_minute = Breaker(), [0] * 10
    for tick in range(6_000):
        now_s = tick / 10
        if breaker.admits(now_s):
            is_up = now_s % 6.0 < 3.0
            call(breaker, now_s, succeeds=is_up)
            failures_by_minute[int(now_s // 60)] += not is_up
    print(f"failed calls by minute: {failures_by_minute}")
    assert failures_by_minute[0] <= 60  # of the 600 requests, each of which another provider then served
    assert sum(failures_by_minute[5:]) < sum(failures_by_minute[:5])
