import pytest
from pydantic import SecretStr

from pointsman.dashboard.edge.sessions import MAX_FAILURES, MAX_FAILURES_IN_ALL, MAX_SESSIONS, SESSION_S, SignIns
from pointsman.kit.errors import RateLimited, Unauthenticated

KEY = "pm-admin-dashboard-canary"


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sign_ins(clock: Clock) -> SignIns:
    return SignIns(SecretStr(KEY), now=clock)


def sign_in(sign_ins: SignIns, key: str = KEY, *, source: str = "10.0.0.1", former: str | None = None) -> str:
    return sign_ins.sign_in(key, source=source, former_token=former)


def test_key_opens_a_session_that_ends_after_half_a_day(sign_ins: SignIns, clock: Clock) -> None:
    token = sign_in(sign_ins)
    assert sign_ins.is_signed_in(token)
    assert not sign_ins.is_signed_in(None)
    assert not sign_ins.is_signed_in(token + "x")
    clock.now_s = SESSION_S
    assert not sign_ins.is_signed_in(token)


def test_no_key_lets_everybody_in(clock: Clock) -> None:
    open_to_all = SignIns(None, now=clock)
    assert open_to_all.is_open
    assert open_to_all.is_signed_in(None)


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + " ", KEY.upper(), "é"])
def test_wrong_key_is_refused(sign_ins: SignIns, key: str) -> None:
    with pytest.raises(Unauthenticated):
        sign_in(sign_ins, key)


def test_token_ends_with_the_next_sign_in_and_with_sign_out(sign_ins: SignIns) -> None:
    first = sign_in(sign_ins)
    second = sign_in(sign_ins, former=first)
    assert not sign_ins.is_signed_in(first)
    sign_ins.sign_out(second)
    assert not sign_ins.is_signed_in(second)


def test_too_many_wrong_keys_of_one_address_make_it_wait_even_with_the_right_one(sign_ins: SignIns, clock: Clock) -> None:
    for _ in range(MAX_FAILURES):
        with pytest.raises(Unauthenticated):
            sign_in(sign_ins, "wrong")
    with pytest.raises(RateLimited):
        sign_in(sign_ins)
    assert sign_in(sign_ins, source="10.0.0.2")
    clock.now_s = 61.0
    assert sign_in(sign_ins)


def test_many_addresses_together_guess_no_faster(sign_ins: SignIns) -> None:
    for index in range(MAX_FAILURES_IN_ALL):
        with pytest.raises(Unauthenticated):
            sign_in(sign_ins, "wrong", source=f"10.0.{index}.1")
    with pytest.raises(RateLimited) as refused:
        sign_in(sign_ins, source="10.9.9.9")
    assert refused.value.retry_after_s == 60.0


def test_sessions_are_bounded(sign_ins: SignIns) -> None:
    tokens = [sign_in(sign_ins) for _ in range(MAX_SESSIONS + 1)]
    assert not sign_ins.is_signed_in(tokens[0])
    assert sign_ins.is_signed_in(tokens[1])


def test_neither_key_nor_token_is_kept(sign_ins: SignIns) -> None:
    token = sign_in(sign_ins)
    kept = repr([vars(sign_ins), list(sign_ins._expiries)])
    assert KEY not in kept
    assert token not in kept
