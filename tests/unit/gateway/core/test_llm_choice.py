"""Which model is asked to judge a prompt, decided as for any request."""

from dataclasses import replace

import pytest

from pointsman.gateway.core.catalog import (
    Capability,
    Catalog,
    DataClass,
    Experiment,
    ExperimentUnit,
    Model,
    ModelStatus,
    Policy,
    RoutingRule,
)
from pointsman.gateway.core.llm_choice import judge_request
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import Conditions, Constraints
from pointsman.gateway.core.routing_errors import RoutingError
from tests.unit.gateway.core.samples import BALANCED, CHAT, EVERYTHING_CALLABLE, OLLAMA, catalog, model, no_key_for, price

HOME = model("home", theta=-2.0, provider=OLLAMA)
CHEAP = model("cheap", price=price(0.1, 0.4))
DEAR = model("dear", theta=3.0, price=price(2.0, 8.0))
THINKER = model("thinker", theta=2.0, provider=OLLAMA, capabilities=CHAT | {Capability.REASONING})
NOTHING = Constraints()


def chosen(
    of: Catalog,
    policy: Policy = BALANCED,
    constraints: Constraints = NOTHING,
    world: Conditions = EVERYTHING_CALLABLE,
    named: str | None = None,
) -> str:
    request = judge_request(policy=policy, constraints=constraints, catalog=of, input_byte_count=2_000, message_count=2, model_id=named)
    return decide(request, None, of, world).ranking[0].model.id


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ((DEAR, CHEAP, HOME), "home"),
        ((DEAR, CHEAP), "cheap"),
        ((THINKER, CHEAP), "cheap"),
        ((HOME, replace(HOME, id="quick", typical_latency_s=0.1)), "quick"),
        ((HOME, replace(HOME, id="able", skills={"overall": 1.0})), "able"),
        ((replace(HOME, status=ModelStatus.DISABLED), CHEAP), "cheap"),
    ],
    ids=[
        "free before paid",
        "cheap before dear",
        "none that thinks",
        "the fastest of equals",
        "the most able of those",
        "none that is off",
    ],
)
def test_the_cheapest_that_can_be_called_is_asked(models: tuple[Model, ...], expected: str) -> None:
    assert chosen(catalog(*models)) == expected


def test_what_cannot_be_called_is_not_asked() -> None:
    assert chosen(catalog(HOME, CHEAP), world=no_key_for("ollama")) == "cheap"


@pytest.mark.parametrize(
    ("policy", "constraints"),
    [
        (BALANCED, Constraints(local_only=True)),
        (replace(BALANCED, local_only=True), NOTHING),
        (BALANCED, Constraints(exclude_models=("cheap",))),
        (replace(BALANCED, exclude_models=("ch*",)), NOTHING),
        (BALANCED, Constraints(providers=("elsewhere",))),
        (BALANCED, Constraints(exclude_providers=("openai",))),
        (BALANCED, Constraints(max_cost_nanousd=1)),
        (replace(BALANCED, max_cost_nanousd=1), NOTHING),
        (replace(BALANCED, data_class=DataClass.CONFIDENTIAL), NOTHING),
    ],
)
@pytest.mark.parametrize("named", [None, "cheap"])
def test_a_prompt_goes_nowhere_that_its_own_limits_forbid(policy: Policy, constraints: Constraints, named: str | None) -> None:
    public = replace(CHEAP, data_classes=frozenset({DataClass.PUBLIC}))
    with pytest.raises(RoutingError):
        chosen(catalog(public), policy, constraints, named=named)


def test_lists_of_who_may_answer_do_not_bind_the_judge() -> None:
    assert chosen(catalog(CHEAP, DEAR), replace(BALANCED, models=("dear",)), Constraints(models=("dear",))) == "cheap"


def test_nobody_is_asked_at_a_high_price_but_who_was_named() -> None:
    with pytest.raises(RoutingError):
        chosen(catalog(DEAR))
    assert chosen(catalog(DEAR, CHEAP), named="dear") == "dear"
    assert chosen(catalog(CHEAP, THINKER), named="thinker") == "thinker"
    with pytest.raises(RoutingError):
        chosen(catalog(CHEAP), named="gone")


def test_neither_rules_nor_experiments_choose_the_judge() -> None:
    trial = Experiment("trial", ExperimentUnit.REQUEST, (("dear", 1.0), ("home", 1.0)))
    of = catalog(CHEAP, DEAR, experiments=(trial,), routing_rules=(RoutingRule("coding", ("dear",)),))
    assert chosen(of) == "cheap"
