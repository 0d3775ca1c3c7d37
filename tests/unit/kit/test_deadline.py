from hypothesis import given
from hypothesis import strategies as st

from pointsman.kit.deadline import Deadline

SECONDS = st.floats(min_value=0, max_value=1e6)


@given(SECONDS, SECONDS, SECONDS)
def test_what_remains_falls_with_time_and_never_below_zero(seconds: float, now_s: float, passed_s: float) -> None:
    deadline = Deadline.after(seconds, now_s=now_s)
    assert deadline.remaining_s(now_s + passed_s) >= 0
    assert deadline.remaining_s(now_s + passed_s) <= deadline.remaining_s(now_s)


@given(SECONDS, SECONDS)
def test_min_is_the_earlier(a_s: float, b_s: float) -> None:
    a, b = Deadline(a_s), Deadline(b_s)
    assert a.min(b) == b.min(a) == Deadline(min(a_s, b_s))


def test_earlier_by_leaves_a_margin() -> None:
    assert Deadline(10).earlier_by(0.5).remaining_s(9) == 0.5


def test_expired() -> None:
    assert Deadline.after(-1).expired
    assert not Deadline.after(60).expired
