from pointsman.classifier.core.breaker import FAILURE_LIMIT, Breaker


def test_failures_in_a_row_open_it_and_only_the_last_of_them_is_the_change() -> None:
    breaker = Breaker()
    assert [breaker.record_failure() for _ in range(FAILURE_LIMIT + 1)] == [False] * (FAILURE_LIMIT - 1) + [True, False]
    assert breaker.is_open
    assert FAILURE_LIMIT <= 5


def test_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker()
    for _ in range(3 * FAILURE_LIMIT):
        breaker.record_failure()
        assert not breaker.record_success()
    assert not breaker.is_open


def test_success_closes_it_once() -> None:
    breaker = Breaker(failure_limit=1)
    breaker.record_failure()
    assert [breaker.record_success(), breaker.record_success()] == [True, False]
    assert not breaker.is_open
