"""Who is called, how often, and what that can cost."""

import pytest

from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import RankedCandidate
from pointsman.gateway.engine.call_plan import CallPlan, admitted, plan_calls, without_paid
from tests.unit.gateway.core.samples import EVERYTHING_CALLABLE, OLLAMA, catalog, judgement, model, price, request

PAID = [model(name, theta=4.0 - number, price=price(1.0 + number, 2.0)) for number, name in enumerate("abcd")]
FREE = model("free", theta=-4.0, provider=OLLAMA)


def ranking(*names: str) -> tuple[RankedCandidate, ...]:
    """These models, in this order, as a decision ranks them."""
    known = catalog(*PAID, FREE, model("unpriced", price=None))
    return decide(request(model_ids=names, max_output_token_count=100), judgement(), known, EVERYTHING_CALLABLE).ranking


def plan(*names: str, max_attempts: int = 3, choice_count: int = 1, has_caller_key: bool = False) -> CallPlan:
    return plan_calls(ranking(*names), max_attempts=max_attempts, choice_count=choice_count, has_caller_key=has_caller_key)


def ids(made: CallPlan) -> list[str]:
    return [candidate.model.id for candidate in made.candidates]


@pytest.mark.parametrize(
    ("names", "max_attempts", "candidates", "planned"),
    [
        (("a",), 3, ["a"], ["a", "a", "a"]),
        (("a", "b"), 3, ["a", "b"], ["a", "b", "b"]),
        (("a", "b", "c", "d"), 3, ["a", "b", "c"], ["a", "b", "c"]),
        (("a", "b", "c", "d", "free"), 2, ["a", "b", "free"], ["a", "b"]),
        (("free",), 3, ["free"], []),
        (("free", "a"), 3, ["free", "a"], ["a", "a"]),
        (("unpriced",), 1, ["unpriced"], ["unpriced"]),
    ],
    ids=[
        "one is retried",
        "the dearest is retried",
        "no more than attempts",
        "free ones behind",
        "free",
        "free first",
        "unknown price is paid",
    ],
)
def test_plan_covers_the_attempts_that_may_run(
    names: tuple[str, ...], max_attempts: int, candidates: list[str], planned: list[str]
) -> None:
    made = plan(*names, max_attempts=max_attempts)
    assert (ids(made), [attempt.model_id for attempt in made.planned_attempts]) == (candidates, planned)


def test_several_choices_may_each_use_the_whole_limit() -> None:
    once, thrice = plan("a", max_attempts=1), plan("a", max_attempts=1, choice_count=3)
    assert thrice.planned_attempts[0].worst_case_nanousd == 3 * once.planned_attempts[0].worst_case_nanousd > 0


def test_with_the_callers_key_openai_costs_the_operator_nothing() -> None:
    assert plan("a", "b", has_caller_key=True).planned_attempts == ()


def test_without_money_the_free_ones_are_left() -> None:
    left = without_paid(plan("a", "free"))
    assert (ids(left), left.max_attempts, left.planned_attempts) == (["free"], 3, ())
    assert without_paid(plan("a")).candidates == ()


def test_what_does_not_fit_is_dropped_from_the_end() -> None:
    left = admitted(plan("a", "b", "c"), 2)
    assert (ids(left), left.max_attempts) == (["a", "b"], 2)
    assert admitted(plan("a"), 1).max_attempts == 1
    assert admitted(plan("a", "b"), 3) == plan("a", "b")
