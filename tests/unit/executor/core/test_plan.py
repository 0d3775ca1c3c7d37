"""What is done next for a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.executor.core.faults import Blame, FailureReason, Fault, provider_error
from pointsman.executor.core.fleet import READY, Blocked, Readiness
from pointsman.executor.core.plan import (
    MAX_BACKOFF_S,
    MIN_BACKOFF_S,
    Call,
    CandidateView,
    GiveUp,
    Situation,
    Step,
    Tried,
    Wait,
    after_wait,
    may_retry,
    next_step,
)

BROKEN = provider_error("broke")
LIMITED = Fault(FailureReason.RATE_LIMIT_EXCEEDED, "limit", Blame.LIMIT, 429, 3.0)
REFUSED = Fault(FailureReason.INVALID_VALUE, "refused", Blame.REQUEST, 400)
TOO_LONG = Fault(FailureReason.CONTEXT_LENGTH_EXCEEDED, "long", Blame.REQUEST, 400)
FILTERED = Fault(FailureReason.CONTENT_FILTERED, "filtered", Blame.REQUEST, 400)
UNKNOWN = Fault(FailureReason.PROVIDER_ERROR, "unknown model", Blame.MODEL, 404)
NO_KEY = Fault(FailureReason.PROVIDER_AUTH, "key", Blame.KEY, 401)
NO_TIME = Fault(FailureReason.DEADLINE_EXCEEDED, "time", Blame.DEADLINE)
OPEN = Blocked(FailureReason.NO_HEALTHY_PROVIDER, "open", 1_020.0, can_probe=True)
OPEN_AND_PROBED = Blocked(FailureReason.NO_HEALTHY_PROVIDER, "open", 1_020.0)
COOLING = Blocked(FailureReason.RATE_LIMIT_EXCEEDED, "cooling", 1_003.0)
COOLING_LONG = Blocked(FailureReason.RATE_LIMIT_EXCEEDED, "cooling", 1_300.0)


def views(*candidates: tuple[str, Readiness]) -> list[CandidateView]:
    """Candidates m0, m1, … at the named providers."""
    return [CandidateView(f"m{index}", provider, readiness) for index, (provider, readiness) in enumerate(candidates)]


def at(*, deadline_s: float = 1_060.0, attempts_left: int = 2, may_retry: bool = True, u: float = 0.0) -> Situation:
    return Situation(1_000.0, deadline_s, attempts_left, may_retry, u)


A, B = ("a", READY), ("b", READY)

STEPS: dict[str, tuple[list[CandidateView], list[Tried], Situation, Step]] = {
    "first the first": (views(A, B), [], at(), Call(0)),
    "next provider without waiting": (views(A, B), [Tried(0, BROKEN)], at(), Call(1)),
    "the provider that failed is passed over": (views(A, A, B), [Tried(0, BROKEN)], at(), Call(2)),
    "same provider after a pause": (views(A), [Tried(0, BROKEN)], at(), Wait(MIN_BACKOFF_S, 0)),
    "another model of it rather than the same": (views(A, A), [Tried(0, BROKEN)], at(), Wait(MIN_BACKOFF_S, 1)),
    "the pause is drawn": (views(A), [Tried(0, BROKEN)], at(u=0.5), Wait(MIN_BACKOFF_S + 0.5 * (MAX_BACKOFF_S - MIN_BACKOFF_S), 0)),
    "no pause that does not fit": (views(A), [Tried(0, BROKEN)], at(deadline_s=1_000.5), GiveUp(BROKEN.reason, "broke", "a")),
    "no retry without budget": (views(A), [Tried(0, BROKEN)], at(may_retry=False), GiveUp(BROKEN.reason, "broke", "a")),
    "another provider needs no budget": (views(A, B), [Tried(0, BROKEN)], at(may_retry=False), Call(1)),
    "two failed providers are enough": (views(A, B), [Tried(0, BROKEN), Tried(1, BROKEN)], at(), GiveUp(BROKEN.reason, "broke", "b")),
    "no attempts left": (views(A, B), [Tried(0, BROKEN)], at(attempts_left=0), GiveUp(BROKEN.reason, "broke", "a")),
    "no time left": (views(A), [], at(deadline_s=1_000.0), GiveUp(FailureReason.DEADLINE_EXCEEDED, "the request's time is over")),
    "own time over": (views(A, B), [Tried(0, NO_TIME)], at(), GiveUp(FailureReason.DEADLINE_EXCEEDED, "the request's time is over", "a")),
    "its wish to be left alone is honoured": (views(("a", COOLING)), [Tried(0, LIMITED)], at(), Wait(3.0, 0)),
    "unless it is too long": (
        views(("a", COOLING_LONG)),
        [Tried(0, LIMITED)],
        at(),
        GiveUp(LIMITED.reason, "limit", "a", 3.0),
    ),
    "or another provider is there": (views(("a", COOLING), B), [Tried(0, LIMITED)], at(), Call(1)),
    "a cooling key is not waited for before any call": (
        views(("a", COOLING)),
        [],
        at(),
        GiveUp(FailureReason.RATE_LIMIT_EXCEEDED, "no candidate can be called now: m0: cooling", None, 3.0),
    ),
    "refused by one provider, maybe not by another": (views(A, A, B), [Tried(0, REFUSED)], at(), Call(2)),
    "refused by the only provider": (views(A, A), [Tried(0, REFUSED)], at(), GiveUp(REFUSED.reason, "refused", "a")),
    "too long for one model, maybe not for its sister": (views(A, A), [Tried(0, TOO_LONG)], at(), Call(1)),
    "too long for all": (views(A), [Tried(0, TOO_LONG)], at(), GiveUp(TOO_LONG.reason, "long", "a")),
    "filtered once is filtered": (views(A, B), [Tried(0, FILTERED)], at(), GiveUp(FILTERED.reason, "filtered", "a")),
    "unknown model, known sister": (views(A, A), [Tried(0, UNKNOWN)], at(), Call(1)),
    "bad key, other provider": (views(A, A, B), [Tried(0, NO_KEY)], at(), Call(2)),
    "bad key, nobody else": (views(A, A), [Tried(0, NO_KEY)], at(), GiveUp(NO_KEY.reason, "key", "a")),
    "an open breaker is passed over": (views(("a", OPEN), B), [], at(), Call(1)),
    "a probe where nobody else is left": (views(("a", OPEN), ("b", OPEN)), [], at(), Call(0)),
    "but one at a time": (views(("a", OPEN_AND_PROBED), ("b", OPEN)), [], at(), Call(1)),
    "none where all are probed": (
        views(("a", OPEN_AND_PROBED)),
        [],
        at(),
        GiveUp(FailureReason.NO_HEALTHY_PROVIDER, "no candidate can be called now: m0: open", None, 20.0),
    ),
}


@pytest.mark.parametrize(("candidates", "tried", "situation", "step"), STEPS.values(), ids=STEPS.keys())
def test_next_step(candidates: list[CandidateView], tried: list[Tried], situation: Situation, step: Step) -> None:
    assert next_step(candidates, tried, situation) == step


def test_wait_ends_in_a_call_where_the_candidate_is_ready_then() -> None:
    assert after_wait(Wait(1.0, 0), views(A)) == Call(0)
    assert after_wait(Wait(1.0, 0), views(("a", OPEN))) is None


@pytest.mark.parametrize(
    ("retries", "requests", "allowed"),
    [(0, 1, True), (2, 1, True), (3, 1, False), (3, 15, False), (3, 16, True), (19, 100, True), (20, 100, False)],
)
def test_retries_are_at_most_a_fifth_of_requests_but_three_always(retries: int, requests: int, allowed: bool) -> None:  # noqa: FBT001
    assert may_retry(retries, requests) is allowed


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([READY, OPEN, OPEN_AND_PROBED, COOLING])), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([BROKEN, LIMITED, REFUSED, TOO_LONG, UNKNOWN, NO_KEY])), max_size=3),
    st.floats(min_value=0, max_value=0.999),
)
def test_plan_never_calls_who_has_refused_and_never_waits_past_the_deadline(
    candidates: list[tuple[str, Readiness]], history: list[tuple[int, Fault]], u: float
) -> None:
    seen = views(*candidates)
    tried = [Tried(index % len(seen), fault) for index, fault in history]
    step = next_step(seen, tried, at(deadline_s=1_005.0, u=u))
    if isinstance(step, Wait):
        assert 0 < step.delay_s < 5.0
    if isinstance(step, Call | Wait):
        assert not any(
            entry.candidate == step.candidate and entry.fault.blame in (Blame.REQUEST, Blame.KEY, Blame.MODEL) for entry in tried
        )
