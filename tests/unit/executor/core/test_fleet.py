"""What is remembered of models and keys."""

import pytest

from pointsman.executor.core.breaker import BreakerState
from pointsman.executor.core.catalog import CatalogVersion, Model
from pointsman.executor.core.completion import Attempt, AttemptOutcome
from pointsman.executor.core.faults import Blame, FailureReason, Fault, provider_error
from pointsman.executor.core.fleet import READY, Blocked, Fleet
from pointsman.executor.core.usage import TokenUsage

MODEL = Model("m", "p", "m")
SISTER = Model("s", "p", "s")
V1, V2 = CatalogVersion("e", 1), CatalogVersion("e", 2)
LIMIT = Fault(FailureReason.RATE_LIMIT_EXCEEDED, "limit", Blame.LIMIT, 429, 7.0)
BAD_KEY = Fault(FailureReason.PROVIDER_AUTH, "key", Blame.KEY, 401)
REFUSED = Fault(FailureReason.INVALID_VALUE, "refused", Blame.REQUEST, 400)
ATTEMPT = Attempt("att_1", 1, "m", "p", AttemptOutcome.SUCCEEDED, 0.0, 2.0, usage=TokenUsage(1, 11), time_to_first_token_s=1.0)


def fail(fleet: Fleet, fault: Fault, now_s: float, *, with_own_key: bool = True) -> None:
    fleet.fail(fleet.begin(MODEL, V1, with_own_key=with_own_key), fault, now_s)


def readiness(
    fleet: Fleet, model: Model = MODEL, *, version: CatalogVersion = V1, now_s: float = 100.0, with_own_key: bool = True
) -> object:
    return fleet.readiness(model, version, now_s, with_own_key=with_own_key)


def test_a_limit_cools_the_key_for_all_its_models() -> None:
    fleet = Fleet()
    fail(fleet, LIMIT, 100.0)
    blocked = readiness(fleet, SISTER, now_s=106.9)
    assert blocked == Blocked(FailureReason.RATE_LIMIT_EXCEEDED, "the provider's rate limit is reached", 107.0)
    assert readiness(fleet, SISTER, now_s=107.0) == READY


def test_a_refused_key_stays_out_until_the_catalogue_changes() -> None:
    fleet = Fleet()
    fail(fleet, BAD_KEY, 100.0)
    assert isinstance(readiness(fleet, SISTER, now_s=10_000.0), Blocked)
    assert readiness(fleet, SISTER, version=V2) == READY


@pytest.mark.parametrize("fault", [LIMIT, BAD_KEY], ids=["limit", "refused"])
def test_a_callers_key_neither_suffers_from_ours_nor_harms_it(fault: Fault) -> None:
    fleet = Fleet()
    for _ in range(10):
        fail(fleet, fault, 100.0, with_own_key=False)
    assert readiness(fleet) == READY
    fail(fleet, fault, 100.0)
    assert readiness(fleet, with_own_key=False) == READY


@pytest.mark.parametrize(("status", "opens"), [(409, False), (424, False), (408, True), (500, True), (None, True)])
def test_no_4xx_but_a_timeout_opens_a_breaker(status: int | None, opens: bool) -> None:  # noqa: FBT001
    fleet = Fleet()
    for _ in range(10):
        fail(fleet, Fault(FailureReason.PROVIDER_ERROR, "x", Blame.PROVIDER, status), 100.0)
    assert isinstance(readiness(fleet), Blocked) is opens


def test_another_key_is_forgiven_what_was_done_to_the_old_one() -> None:
    fleet = Fleet()
    fail(fleet, BAD_KEY, 100.0)
    assert fleet.is_key_refused("p", V1)
    under_way = fleet.begin(MODEL, V1, with_own_key=True)
    fleet.forgive_key("p")
    fleet.fail(under_way, BAD_KEY, 101.0)
    assert not fleet.is_key_refused("p", V1)
    assert readiness(fleet, SISTER) == READY


def test_faults_of_the_request_open_no_breaker() -> None:
    fleet = Fleet()
    for _ in range(20):
        fail(fleet, REFUSED, 100.0)
    assert readiness(fleet) == READY
    assert fleet.states([MODEL], 100.0)[0].availability is None


def test_faults_of_the_provider_open_the_breaker_of_that_model_alone() -> None:
    fleet = Fleet()
    for _ in range(5):
        fail(fleet, provider_error("broke"), 100.0)
    blocked = readiness(fleet)
    assert isinstance(blocked, Blocked)
    assert (blocked.until_s, blocked.can_probe) == (105.0, True)
    assert readiness(fleet, SISTER) == READY
    assert fleet.states([MODEL], 100.0)[0].breaker is BreakerState.OPEN


def test_a_probe_is_one_at_a_time_also_when_its_caller_leaves() -> None:
    fleet = Fleet()
    for _ in range(5):
        fail(fleet, provider_error("broke"), 100.0)
    permit = fleet.begin(MODEL, V1, with_own_key=True)
    blocked = readiness(fleet)
    assert isinstance(blocked, Blocked)
    assert not blocked.can_probe
    fleet.ignore(permit)
    blocked = readiness(fleet)
    assert isinstance(blocked, Blocked)
    assert blocked.can_probe


def test_states_hold_what_ranking_wants_to_know() -> None:
    fleet = Fleet()
    fleet.succeed(fleet.begin(MODEL, V1, with_own_key=True), ATTEMPT, 100.0)
    fleet.begin(MODEL, V1, with_own_key=True)
    (state,) = fleet.states([MODEL, SISTER], 100.0)
    assert (state.model_id, state.availability, state.time_to_first_token_s, state.output_tokens_per_s, state.in_flight_count) == (
        "m",
        1.0,
        1.0,
        10.0,
        1,
    )
