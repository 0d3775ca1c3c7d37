from dataclasses import replace

from pointsman.gateway.core.catalog import RoutingRule
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import Conditions, ModelCondition, Purpose, RoutingDecision
from tests.unit.gateway.core.samples import (
    EVERYTHING_CALLABLE,
    OLLAMA,
    catalog,
    circuits_open,
    judgement,
    model,
    no_key_for,
    prior,
    request,
)

LOCAL = model("phi3", theta=1.5, provider=OLLAMA)
CLOUD = model("gpt", theta=3.0)
TWO = catalog(LOCAL, CLOUD)


def reasons(decision: RoutingDecision, model_id: str) -> tuple[str, ...]:
    return next(candidate.reasons for candidate in decision.ranking if candidate.model.id == model_id)


def test_a_free_model_that_is_good_enough_says_so() -> None:
    decision = decide(request(), judgement(), TWO, EVERYTHING_CALLABLE)
    assert reasons(decision, "phi3") == ("success 0.82, 0.75 is good enough", "free", "answers in about 17.2 s")


def test_what_stands_in_for_an_ability_is_told() -> None:
    decision = decide(request(), judgement(), catalog(model("q", theta=None, quality_score=0.7)), EVERYTHING_CALLABLE)
    assert reasons(decision, "q")[0].endswith(", from its quality score")
    decision = decide(request(model_ids=("u",)), judgement(), catalog(model("u", theta=None)), EVERYTHING_CALLABLE)
    assert reasons(decision, "u")[:2] == ("the request names it", "success 0.50, assumed")


def test_an_unknown_cost_is_told() -> None:
    decision = decide(request(model_ids=("u",)), judgement(), catalog(model("u", price=None)), EVERYTHING_CALLABLE)
    assert "cost unknown" in reasons(decision, "u")


def test_troubles_are_told() -> None:
    assert any("circuit is open" in reason for reason in reasons(decide(request(), judgement(), TWO, circuits_open("gpt")), "gpt"))
    shaky = Conditions(models={"gpt": ModelCondition(availability=0.5)})
    assert "50% of its calls succeeded lately" in reasons(decide(request(), judgement(), TWO, shaky), "gpt")


def test_the_row_of_the_table_is_a_reason_of_rank_1_alone() -> None:
    decision = decide(request(), judgement(), replace(TWO, routing_rules=(RoutingRule("coding", ("gpt",)),)), EVERYTHING_CALLABLE)
    assert reasons(decision, "gpt")[0] == "the routing rule for coding prefers it"
    assert decision.summary == "gpt comes first: the routing rule for coding prefers it."
    assert reasons(decision, "phi3")[0].startswith("success")


def test_the_summary_of_a_rerun_names_the_decision() -> None:
    decision = decide(request(prior=prior("gpt", "phi3")), judgement(), TWO, EVERYTHING_CALLABLE)
    assert decision.summary.startswith("gpt comes first: decision dec_1 chose it.")


def test_the_summary_says_what_was_missing() -> None:
    assert "the prompt was not classified" in decide(request(), None, TWO, EVERYTHING_CALLABLE).summary
    decision = decide(request(purpose=Purpose.RECOMMEND), judgement(), TWO, no_key_for("openai", "ollama"))
    assert "It cannot be called now: set OLLAMA_API_KEY." in decision.summary
