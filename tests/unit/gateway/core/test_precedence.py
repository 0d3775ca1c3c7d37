"""The table of precedence, row by row: rank 1, the rest of the list, the cause, and what if it cannot.

By utility the models stand as a, b, c, d: all are free and succeed less and less.
"""

from dataclasses import dataclass, replace

import pytest

from pointsman.gateway.core.catalog import Agent, Catalog, Condition, Experiment, ExperimentUnit, RoutingRule, SessionPin
from pointsman.gateway.core.experiment import assign_arm
from pointsman.gateway.core.judgement import Difficulty
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import Cause, Conditions, Constraints, RoutingRequest
from pointsman.gateway.core.routing_errors import DecisionStale, ModelNotFound, NoCandidate, NoHealthyProvider, RoutingError
from tests.unit.gateway.core.samples import (
    BALANCED,
    EVERYTHING_CALLABLE,
    FREE,
    catalog,
    circuits_open,
    judgement,
    model,
    no_key_for,
    order,
    prior,
    request,
)

MODELS = tuple(model(each, theta=theta, price=FREE) for each, theta in (("a", 0.9), ("b", 0.5), ("c", 0.0), ("d", -0.5)))
PLAIN = catalog(*MODELS)
RULED = catalog(*MODELS, routing_rules=(RoutingRule("coding", ("c", "b"), ("d",)),))
TRIAL = Experiment("trial", ExperimentUnit.SESSION, (("b", 1.0), ("d", 1.0)))
TRIED = replace(RULED, experiments=(TRIAL,))
UNIT_OF_B = next(f"s{i}" for i in range(99) if assign_arm(TRIAL, f"s{i}") == "b")
PINNING = replace(BALANCED, pin_session=SessionPin.SESSION)
NOT_PINNING = replace(BALANCED, pin_session=SessionPin.OFF)
BOUND = Agent("sql", model_id="c")
FALLING_BACK = replace(BOUND, fallback=True)


def without(*model_ids: str) -> Constraints:
    """Level 0 that excludes these models."""
    return Constraints(exclude_models=model_ids)


@dataclass(frozen=True)
class Row:
    """A request in a world, and what must come of it."""

    request: RoutingRequest
    order: str
    cause: Cause
    catalog: Catalog = PLAIN
    conditions: Conditions = EVERYTHING_CALLABLE


ROWS = {
    "1_override_then_that_decisions_candidates": Row(request(prior=prior("d", "c", "b", override="b")), "bdc", Cause.OVERRIDE),
    "1_later_candidates_may_have_gone": Row(
        request(prior=prior("d", "c", "b", override="b"), constraints=without("d")), "bc", Cause.OVERRIDE
    ),
    "1_open_circuit_changes_nothing": Row(
        request(prior=prior("d", "c", override="c")), "cd", Cause.OVERRIDE, conditions=circuits_open("c")
    ),
    "2_its_candidates_its_order_its_cause": Row(request(prior=prior("d", "a", cause=Cause.RULE_PREFERRED)), "da", Cause.RULE_PREFERRED),
    "2_no_rule_pin_or_experiment_interferes": Row(
        request(prior=prior("d", "a"), pinned_model_id="b", policy=PINNING, experiment_units={"session": UNIT_OF_B}, agent=BOUND),
        "da",
        Cause.RANKED,
        catalog=TRIED,
    ),
    "2_open_circuit_changes_nothing": Row(request(prior=prior("d", "a")), "da", Cause.RANKED, conditions=circuits_open("d")),
    "3_a_concrete_model_alone": Row(request(model_ids=("c",)), "c", Cause.EXPLICIT_MODEL),
    "3_a_list_in_its_order_and_only_that": Row(request(model_ids=("d", "b", "d")), "db", Cause.EXPLICIT_MODEL),
    "3_before_agent_pin_experiment_and_rule": Row(
        request(model_ids=("d",), agent=BOUND, pinned_model_id="b", policy=PINNING, experiment_units={"session": UNIT_OF_B}),
        "d",
        Cause.EXPLICIT_MODEL,
        catalog=TRIED,
    ),
    "3_of_a_list_those_that_can": Row(request(model_ids=("d", "b"), constraints=without("d")), "b", Cause.EXPLICIT_MODEL),
    "3_open_circuit_changes_nothing": Row(request(model_ids=("d", "b")), "db", Cause.EXPLICIT_MODEL, conditions=circuits_open("d")),
    "4_the_agents_model_alone": Row(request(agent=BOUND), "c", Cause.EXPLICIT_MODEL),
    "4_with_fallback_then_utility": Row(request(agent=FALLING_BACK), "cabd", Cause.EXPLICIT_MODEL),
    "4_before_pin_experiment_and_rule": Row(
        request(agent=BOUND, pinned_model_id="b", policy=PINNING, experiment_units={"session": UNIT_OF_B}),
        "c",
        Cause.EXPLICIT_MODEL,
        catalog=TRIED,
    ),
    "4_with_fallback_others_stand_in": Row(request(agent=FALLING_BACK, constraints=without("c")), "abd", Cause.FALLBACK),
    "4_with_fallback_an_open_circuit_goes_behind": Row(request(agent=FALLING_BACK), "abdc", Cause.FALLBACK, conditions=circuits_open("c")),
    "4_without_fallback_an_open_circuit_is_tried": Row(request(agent=BOUND), "c", Cause.EXPLICIT_MODEL, conditions=circuits_open("c")),
    "4_an_agent_without_model_is_ranked": Row(request(agent=Agent("free")), "abcd", Cause.RANKED),
    "5_the_pin_then_the_rule": Row(request(pinned_model_id="a", policy=PINNING), "acbd", Cause.PINNED_SESSION, catalog=RULED),
    "5_the_pin_then_utility": Row(request(pinned_model_id="d", policy=PINNING), "dabc", Cause.PINNED_SESSION),
    "5_a_tool_loop_pins_by_default": Row(request(pinned_model_id="d", in_tool_loop=True), "dabc", Cause.PINNED_SESSION),
    "5_outside_a_tool_loop_it_does_not": Row(request(pinned_model_id="d"), "abcd", Cause.RANKED),
    "5_a_policy_that_does_not_pin": Row(request(pinned_model_id="d", in_tool_loop=True, policy=NOT_PINNING), "abcd", Cause.RANKED),
    "5_before_experiment": Row(
        request(pinned_model_id="a", policy=PINNING, experiment_units={"session": UNIT_OF_B}),
        "acbd",
        Cause.PINNED_SESSION,
        catalog=TRIED,
    ),
    "5_cannot_drops_the_pin": Row(
        request(pinned_model_id="d", policy=PINNING, constraints=without("d")), "cba", Cause.RULE_PREFERRED, catalog=RULED
    ),
    "5_gone_drops_the_pin": Row(request(pinned_model_id="gone", policy=PINNING), "abcd", Cause.RANKED),
    "5_open_circuit_drops_the_pin": Row(request(pinned_model_id="d", policy=PINNING), "abcd", Cause.RANKED, conditions=circuits_open("d")),
    "6_the_arm_then_the_rule": Row(request(experiment_units={"session": UNIT_OF_B}), "bcda", Cause.EXPERIMENT, catalog=TRIED),
    "6_the_arm_then_utility": Row(
        request(experiment_units={"session": UNIT_OF_B}), "bacd", Cause.EXPERIMENT, catalog=replace(PLAIN, experiments=(TRIAL,))
    ),
    "6_cannot_is_not_enrolled": Row(
        request(experiment_units={"session": UNIT_OF_B}, constraints=without("b")), "cda", Cause.RULE_PREFERRED, catalog=TRIED
    ),
    "6_open_circuit_is_not_enrolled": Row(
        request(experiment_units={"session": UNIT_OF_B}), "cdab", Cause.RULE_PREFERRED, catalog=TRIED, conditions=circuits_open("b")
    ),
    "6_without_a_unit_is_not_enrolled": Row(request(), "cbda", Cause.RULE_PREFERRED, catalog=TRIED),
    "7_preferred_then_fallback_then_utility": Row(request(), "cbda", Cause.RULE_PREFERRED, catalog=RULED),
    "7_the_task_type_matches_before_the_category": Row(
        request(task_type="code-generation"),
        "dabc",
        Cause.RULE_PREFERRED,
        catalog=catalog(*MODELS, routing_rules=(RoutingRule("coding", ("c",)), RoutingRule("code-generation", ("d",)))),
    ),
    "7_the_first_in_file_order": Row(
        request(),
        "bacd",
        Cause.RULE_PREFERRED,
        catalog=catalog(*MODELS, routing_rules=(RoutingRule("math", ("d",)), RoutingRule("coding", ("b",)), RoutingRule("coding", ("c",)))),
    ),
    "7_a_condition_that_fails_passes_the_rule_over": Row(
        request(),
        "cabd",
        Cause.RULE_PREFERRED,
        catalog=catalog(
            *MODELS, routing_rules=(RoutingRule("coding", ("d",), when=Condition(difficulty="hard")), RoutingRule("coding", ("c",)))
        ),
    ),
    "7_cannot_takes_the_next_in_the_list": Row(request(constraints=without("c")), "bda", Cause.RULE_PREFERRED, catalog=RULED),
    "7_cannot_takes_the_rules_fallback": Row(request(constraints=without("c", "b")), "da", Cause.RULE_PREFERRED, catalog=RULED),
    "7_open_circuits_go_behind": Row(request(), "bdac", Cause.RULE_PREFERRED, catalog=RULED, conditions=circuits_open("c")),
    "7_none_can_leaves_utility": Row(request(constraints=without("c", "b", "d")), "a", Cause.RANKED, catalog=RULED),
    "7_all_its_circuits_open_leaves_utility": Row(request(), "acbd", Cause.RANKED, catalog=RULED, conditions=circuits_open("c", "b", "d")),
    "8_utility": Row(request(), "abcd", Cause.RANKED),
    "8_open_circuits_go_behind": Row(request(), "bdac", Cause.RANKED, conditions=circuits_open("a", "c")),
    "8_all_circuits_open_changes_nothing": Row(request(), "abcd", Cause.RANKED, conditions=circuits_open("a", "b", "c", "d")),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_row_of_the_table(row: Row) -> None:
    decision = decide(row.request, judgement("coding"), row.catalog, row.conditions)
    assert ("".join(order(decision)), decision.cause) == (row.order, row.cause)


CANNOT = {
    "1_override_excluded": (request(prior=prior("a", "b", override="b"), constraints=without("b")), DecisionStale),
    "1_override_gone_from_the_catalogue": (request(prior=prior("a", "gone", override="gone")), DecisionStale),
    "1_override_was_no_candidate": (request(prior=prior("a", "b", override="c")), DecisionStale),
    "2_first_excluded": (request(prior=prior("a", "b"), constraints=without("a")), DecisionStale),
    "2_first_gone_from_the_catalogue": (request(prior=prior("gone", "b")), DecisionStale),
    "2_all_excluded": (request(prior=prior("a", "b"), constraints=without("a", "b")), DecisionStale),
    "2_none_to_begin_with": (request(prior=prior()), DecisionStale),
    "3_unknown": (request(model_ids=("gone",)), ModelNotFound),
    "3_one_of_a_list_unknown": (request(model_ids=("a", "gone")), ModelNotFound),
    "3_not_for_this_key": (request(model_ids=("a",), key_models=("b",)), ModelNotFound),
    "3_excluded_by_the_request": (request(model_ids=("a",), constraints=without("a")), NoCandidate),
    "4_excluded_by_the_request": (request(agent=BOUND, constraints=without("c")), NoHealthyProvider),
    "4_gone_from_the_catalogue": (request(agent=replace(BOUND, model_id="gone")), NoHealthyProvider),
}


@pytest.mark.parametrize(("asked", "error"), CANNOT.values(), ids=CANNOT.keys())
def test_row_that_cannot(asked: RoutingRequest, error: type[RoutingError]) -> None:
    with pytest.raises(error):
        decide(asked, judgement("coding"), PLAIN, EVERYTHING_CALLABLE)


def test_4_not_callable_is_no_healthy_provider() -> None:
    with pytest.raises(NoHealthyProvider, match="agent sql is bound to c, which cannot answer: set OPENAI_API_KEY"):
        decide(request(agent=BOUND), judgement(), PLAIN, no_key_for("openai"))


def test_an_unknown_model_and_a_forbidden_one_look_the_same_and_are_not_echoed() -> None:
    messages = set()
    for asked in (request(model_ids=("sk-pasted",)), request(model_ids=("a",), key_models=("b",))):
        with pytest.raises(ModelNotFound) as raised:
            decide(asked, judgement(), PLAIN, EVERYTHING_CALLABLE)
        messages.add((raised.value.message, raised.value.param))
    assert messages == {("the model does not exist, or this key may not use it", "model")}


def test_without_any_label_the_cause_is_degraded() -> None:
    decision = decide(request(), None, PLAIN, EVERYTHING_CALLABLE)
    assert ("".join(order(decision)), decision.cause) == ("abcd", Cause.DEGRADED)


def test_without_a_label_a_named_model_is_still_explicit() -> None:
    assert decide(request(model_ids=("c",)), None, PLAIN, EVERYTHING_CALLABLE).cause is Cause.EXPLICIT_MODEL


def test_a_task_type_is_a_label() -> None:
    assert decide(request(task_type="math"), None, PLAIN, EVERYTHING_CALLABLE).cause is Cause.RANKED


def test_why_a_request_was_not_enrolled_is_kept() -> None:
    decision = decide(request(), judgement("coding"), TRIED, EVERYTHING_CALLABLE)
    assert (decision.experiment_id, decision.experiment_note) == ("trial", "not enrolled: the request has no session")
    enrolled = decide(request(experiment_units={"session": UNIT_OF_B}), judgement("coding"), TRIED, EVERYTHING_CALLABLE)
    assert (enrolled.experiment_id, enrolled.experiment_note) == ("trial", None)


def test_a_named_model_needs_no_facts_and_may_be_deprecated() -> None:
    bare = model("bare", theta=None, price=None, context_window_token_count=None, capabilities=frozenset(), max_output_token_count=None)
    decision = decide(request(model_ids=("bare",)), judgement(difficulty=Difficulty.HARD), catalog(bare), EVERYTHING_CALLABLE)
    (only,) = decision.ranking
    assert (only.expected_cost_nanousd, only.terms.cost_usd, only.sources["cost"], only.sources["success"]) == (
        None,
        0.0,
        "unknown",
        "assumed",
    )
