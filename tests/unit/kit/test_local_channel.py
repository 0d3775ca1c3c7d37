from pointsman.kit.local_channel import RetryThrottle


def test_nothing_is_repeated_once_half_of_the_tokens_are_gone() -> None:
    throttle = RetryThrottle()
    assert [throttle.note_failure() for _ in range(6)] == [True] * 4 + [False] * 2


def test_answers_earn_tokens_back_up_to_the_most() -> None:
    throttle = RetryThrottle()
    for _ in range(10):
        throttle.note_failure()
    for _ in range(61):  # a tenth each
        throttle.note_answer()
    assert throttle.note_failure()
    for _ in range(1_000):
        throttle.note_answer()
    assert [throttle.note_failure() for _ in range(5)] == [True] * 4 + [False]
