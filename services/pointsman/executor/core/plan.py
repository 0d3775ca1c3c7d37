"""What to do next for a request: call a candidate, wait for one, or give up.

Another provider is called without waiting. The same one gets time: full jitter between 100 ms and 2 s, or
what it asks for. A candidate that has refused the request as such is not asked again, nor is its provider; a
prompt that a content filter has refused is not carried elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pointsman.executor.core.faults import Blame, FailureReason, Fault
from pointsman.executor.core.fleet import Blocked, Readiness, Ready

MIN_BACKOFF_S = 0.1
MAX_BACKOFF_S = 2.0
# Past this a caller is better served by hearing it: other limits on its way are of this order.
MAX_WAIT_S = 10.0
# Time that a call needs to be worth the wait.
MIN_CALL_S = 0.5
MAX_RETRY_AFTER_S = 60.0  # longest wait that clients are asked for
RETRY_SHARE = 0.2  # of the active calls; more would turn an outage into a storm
MIN_RETRIES = 3
OF_PROVIDER = frozenset({Blame.PROVIDER, Blame.KEY, Blame.LIMIT})


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A candidate and whether it may be called."""

    model_id: str
    provider_id: str
    readiness: Readiness


@dataclass(frozen=True, slots=True)
class Tried:
    """A call that failed. candidate: its position among the candidates."""

    candidate: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Situation:
    """When it is, and what is left. u: uniform in [0, 1). may_retry: the budget of retries has room."""

    now_s: float
    deadline_s: float
    attempts_left: int
    may_retry: bool
    u: float


@dataclass(frozen=True, slots=True)
class Call:
    """Call this candidate now."""

    candidate: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep so long, then decide anew; the same provider may then be called again."""

    delay_s: float
    candidate: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No call is worth making. provider_id: of the last call; None where none was made."""

    reason: FailureReason
    message: str
    provider_id: str | None = None
    retry_after_s: float | None = None


Step: TypeAlias = Call | Wait | GiveUp


def may_retry(active_retry_count: int, active_request_count: int) -> bool:
    """Whether one more request may call the same provider again; a failing one must not be hit harder for failing."""
    return active_retry_count < max(MIN_RETRIES, RETRY_SHARE * active_request_count)


def next_step(candidates: Sequence[CandidateView], tried: Sequence[Tried], situation: Situation) -> Step:
    """The next step. tried: in order; none of them gave content."""
    last = tried[-1].fault if tried else None
    if situation.now_s >= situation.deadline_s or (last is not None and last.blame is Blame.DEADLINE):
        return _give_up(candidates, tried, situation, Fault(FailureReason.DEADLINE_EXCEEDED, "the request's time is over"))
    if situation.attempts_left <= 0 or (last is not None and last.reason is FailureReason.CONTENT_FILTERED):
        return _give_up(candidates, tried, situation, last)
    open_to = [index for index in range(len(candidates)) if _may_try(index, candidates, tried)]
    failed_providers = {candidates[entry.candidate].provider_id for entry in tried if entry.fault.blame in OF_PROVIDER}
    fresh = [index for index in open_to if candidates[index].provider_id not in failed_providers]
    for index in fresh:
        if isinstance(candidates[index].readiness, Ready):
            return Call(index)
    for index in fresh:
        readiness = candidates[index].readiness
        if isinstance(readiness, Blocked) and readiness.can_probe:
            return Call(index)
    if len(failed_providers) > 1:  # not one provider's trouble; the caller hears it now
        return _give_up(candidates, tried, situation, last)
    return _retry(candidates, tried, situation, open_to) or _give_up(candidates, tried, situation, last)


def after_wait(wait: Wait, candidates: Sequence[CandidateView]) -> Call | None:
    """The call that was waited for; None where it may no longer be made."""
    return Call(wait.candidate) if isinstance(candidates[wait.candidate].readiness, Ready) else None


def _may_try(index: int, candidates: Sequence[CandidateView], tried: Sequence[Tried]) -> bool:
    """Whether a call of the candidate could end otherwise than those before."""
    candidate = candidates[index]
    for entry in tried:
        is_same = entry.candidate == index
        is_same_provider = candidates[entry.candidate].provider_id == candidate.provider_id
        match entry.fault.blame, entry.fault.reason:
            case (Blame.REQUEST, FailureReason.CONTEXT_LENGTH_EXCEEDED) | (Blame.MODEL, _) if is_same:
                return False
            case (Blame.REQUEST, FailureReason.INVALID_VALUE) | (Blame.KEY, _) if is_same_provider:
                return False
            case _:
                pass
    return True


def _retry(candidates: Sequence[CandidateView], tried: Sequence[Tried], situation: Situation, open_to: Sequence[int]) -> Wait | None:
    """Wait for a candidate of a provider that has failed this request, the untried ones first."""
    if not tried or not situation.may_retry:
        return None
    tried_candidates = {entry.candidate for entry in tried}
    backoff_s = MIN_BACKOFF_S + situation.u * (MAX_BACKOFF_S - MIN_BACKOFF_S)
    for index in sorted(open_to, key=lambda index: index in tried_candidates):
        readiness = candidates[index].readiness
        delay_s = max(backoff_s, *_asked_waits_s(candidates, tried, candidates[index].provider_id))
        if isinstance(readiness, Blocked):
            if readiness.until_s is None or readiness.reason is not FailureReason.RATE_LIMIT_EXCEEDED:
                continue
            delay_s = max(delay_s, readiness.until_s - situation.now_s)
        if delay_s <= MAX_WAIT_S and situation.now_s + delay_s + MIN_CALL_S <= situation.deadline_s:
            return Wait(delay_s, index)
    return None


def _asked_waits_s(candidates: Sequence[CandidateView], tried: Sequence[Tried], provider_id: str | None) -> list[float]:
    """What the provider has asked to be left alone for; of all providers where none is named. Never empty."""
    asked = [entry.fault.retry_after_s or 0.0 for entry in tried if provider_id in (None, candidates[entry.candidate].provider_id)]
    return asked or [0.0]


def _give_up(candidates: Sequence[CandidateView], tried: Sequence[Tried], situation: Situation, fault: Fault | None) -> GiveUp:
    """What the caller hears: the last call's fault, else why none could be made."""
    provider_id = candidates[tried[-1].candidate].provider_id if tried else None
    blocked = [candidate.readiness for candidate in candidates if isinstance(candidate.readiness, Blocked)]
    waits_s = [max(0.0, state.until_s - situation.now_s) for state in blocked if state.until_s is not None]
    waits_s += [wait_s for wait_s in _asked_waits_s(candidates, tried, None) if wait_s > 0]
    retry_after_s = min(MAX_RETRY_AFTER_S, *waits_s) if waits_s else None
    if fault is not None:
        wait_s = retry_after_s if fault.blame in (Blame.LIMIT, Blame.PROVIDER) else None
        return GiveUp(fault.reason, fault.message, provider_id, wait_s)
    reasons = {state.reason for state in blocked}
    reason = reasons.pop() if len(reasons) == 1 else FailureReason.NO_HEALTHY_PROVIDER
    messages = sorted({f"{view.model_id}: {view.readiness.message}" for view in candidates if isinstance(view.readiness, Blocked)})
    return GiveUp(reason, "no candidate can be called now: " + "; ".join(messages), None, retry_after_s)
