import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.circuit import FAILURE_LIMIT, FIRST_REST_S, REST_S, Circuit


def opened(at_s: float = 100.0) -> Circuit:
    circuit = Circuit()
    for _ in range(FAILURE_LIMIT):
        assert circuit.try_acquire(at_s)
        circuit.record_failure(at_s)
    return circuit


def test_closed_circuit_lets_calls_through() -> None:
    assert all(Circuit().try_acquire(now_s) for now_s in (0.0, 0.1, 1e9))


def test_two_failures_and_a_success_leave_it_closed() -> None:
    circuit = Circuit()
    for _ in range(5):
        circuit.record_failure(1.0)
        circuit.record_failure(1.0)
        circuit.record_success()
    assert not circuit.is_open


def test_three_failures_in_a_row_open_it() -> None:
    circuit = opened()
    assert circuit.is_open
    assert not circuit.try_acquire(100.0)


@pytest.mark.parametrize(("after_s", "is_let_through"), [(FIRST_REST_S - 0.001, False), (FIRST_REST_S, True), (3600.0, True)])
def test_open_circuit_lets_a_probe_through_after_its_rest(after_s: float, is_let_through: bool) -> None:  # noqa: FBT001  # a table's column
    assert opened(100.0).try_acquire(100.0 + after_s) is is_let_through


def test_one_probe_at_a_time() -> None:
    circuit = opened(100.0)
    assert circuit.try_acquire(106.0)
    assert not circuit.try_acquire(106.0)
    assert not circuit.try_acquire(200.0)


def test_a_good_probe_closes_it() -> None:
    circuit = opened(100.0)
    circuit.try_acquire(106.0)
    circuit.record_success()
    assert not circuit.is_open
    assert circuit.try_acquire(106.0)


def test_each_bad_probe_starts_a_longer_rest_up_to_a_limit() -> None:
    circuit = opened(100.0)
    now_s = 100.0 + FIRST_REST_S
    for rest_s in (1.0, 2.0, 4.0, REST_S, REST_S):
        assert circuit.try_acquire(now_s)
        circuit.record_failure(now_s)
        assert not circuit.try_acquire(now_s + rest_s - 0.001)
        now_s += rest_s


def test_failures_of_calls_that_were_under_way_make_no_rest_longer() -> None:
    circuit = opened(100.0)
    for _ in range(7):
        circuit.record_failure(100.0)
    assert circuit.try_acquire(100.0 + FIRST_REST_S)


def test_a_good_probe_makes_the_next_rest_short_again() -> None:
    circuit = opened(100.0)
    for now_s in (110.0, 120.0):
        circuit.try_acquire(now_s)
        circuit.record_failure(now_s)
    circuit.try_acquire(130.0)
    circuit.record_success()
    for _ in range(FAILURE_LIMIT):
        circuit.record_failure(140.0)
    assert circuit.try_acquire(140.0 + FIRST_REST_S)


def test_a_probe_that_its_caller_left_makes_room_for_the_next() -> None:
    circuit = opened(100.0)
    circuit.try_acquire(106.0)
    circuit.release()
    assert circuit.is_open
    assert circuit.try_acquire(106.0)


@given(st.lists(st.booleans(), max_size=50))
def test_it_is_open_exactly_after_three_failures_in_a_row_without_a_later_success(outcomes: list[bool]) -> None:
    circuit = Circuit()
    failures_in_a_row = 0
    for is_success in outcomes:
        if is_success:
            circuit.record_success()
        else:
            circuit.record_failure(1.0)
        failures_in_a_row = 0 if is_success else failures_in_a_row + 1
        assert circuit.is_open is (failures_in_a_row >= FAILURE_LIMIT)
