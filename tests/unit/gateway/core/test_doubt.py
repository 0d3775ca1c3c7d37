"""What becomes of a prompt that nobody is sure of."""

from dataclasses import replace

import pytest

from pointsman.gateway.core.catalog import DataClass, Policy
from pointsman.gateway.core.doubt import with_limits_of
from pointsman.gateway.core.judgement import Judgement
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import FlipKind, RoutingDecision, RoutingRequest
from tests.unit.gateway.core.samples import (
    BALANCED,
    CHEAP,
    EVERYTHING_CALLABLE,
    OLLAMA,
    QUALITY,
    catalog,
    judgement,
    model,
    order,
    price,
    prior,
    request,
)

CAREFUL = replace(BALANCED, when_unsure="quality")
SURE, UNSURE = judgement(), replace(judgement(), is_unsure=True)
SMALL, STRONG = model("small", theta=1.5, price=price(0.1, 0.4)), model("strong", theta=3.0, price=price(2.0, 8.0))
POLICIES = {policy.id: policy for policy in (CHEAP, CAREFUL, QUALITY)}
TWO = catalog(SMALL, STRONG, policies=POLICIES)
ASKED = request(policy=CAREFUL)


def decided(judged: Judgement | None, asked: RoutingRequest = ASKED, **policies: Policy) -> RoutingDecision:
    return decide(asked, judged, replace(TWO, policies={**POLICIES, **policies}), EVERYTHING_CALLABLE)


@pytest.mark.parametrize(("judged", "first"), [(SURE, "small"), (UNSURE, "strong"), (None, "strong")], ids=["sure", "unsure", "unjudged"])
def test_an_unsure_prompt_is_ranked_under_the_other_policy(judged: Judgement | None, first: str) -> None:
    decision = decided(judged)
    assert (order(decision)[0], decision.policy_label) == (first, "balanced")


def test_it_is_told_in_plain_words() -> None:
    decision = decided(UNSURE)
    assert decision.summary.startswith(
        "The judgement of the prompt is unsure, so policy quality applies in place of balanced. strong comes first: "
        "for medium coding work it is worth most under policy quality ("
    )
    assert decision.ranking[0].reasons[0] == "the judgement of the prompt is unsure, so policy quality applies in place of balanced"
    assert not any("unsure" in reason for reason in decision.ranking[1].reasons)
    assert "unsure" not in decided(SURE).summary


def test_the_other_policys_own_word_for_unsure_prompts_is_not_followed() -> None:
    decision = decided(UNSURE, quality=replace(QUALITY, when_unsure="cheap"))
    assert order(decision)[0] == "strong"


def test_a_policy_that_is_gone_is_not_waited_for() -> None:
    assert order(decided(UNSURE, request(policy=replace(BALANCED, when_unsure="gone"))))[0] == "small"


def test_no_flip_claims_what_the_policy_would_not_do_of_this_prompt() -> None:
    named = {flip.policy_id for flip in decided(UNSURE).flips if flip.kind is FlipKind.POLICY}
    assert named == {"cheap"}


def test_where_the_request_names_its_models_its_own_policy_holds() -> None:
    asked = request(policy=replace(CAREFUL, models=("small",)), model_ids=("small",))
    assert "policy" not in decided(UNSURE, asked).ranking[0].reasons[0]


def test_a_decision_that_was_made_in_doubt_can_be_run() -> None:
    narrow = replace(CAREFUL, models=("small",))
    made = decided(UNSURE, request(policy=narrow))
    again = decided(UNSURE, request(policy=narrow, prior=prior(*order(made))))
    assert order(again) == order(made) == ["strong", "small"]


def test_limits_of_the_policy_that_was_asked_for_hold_in_doubt_too() -> None:
    asked = Policy("p", 8.0, 0.6, models=("a",), exclude_models=("x",), local_only=True, data_class=DataClass.INTERNAL, max_cost_nanousd=5)
    other = replace(QUALITY, exclude_models=("y",), data_class=DataClass.CONFIDENTIAL, max_cost_nanousd=9)
    joined = with_limits_of(asked, other)
    assert (joined.id, joined.value_usd_per_mtok, joined.models) == ("quality", 800.0, ())
    assert (joined.exclude_models, joined.local_only, joined.data_class, joined.max_cost_nanousd) == (
        ("x", "y"),
        True,
        DataClass.CONFIDENTIAL,
        5,
    )


def test_a_private_prompt_stays_at_home_in_doubt() -> None:
    at_home = catalog(model("home", theta=-2.0, provider=OLLAMA), STRONG, policies=POLICIES)
    decision = decide(request(policy=replace(CAREFUL, local_only=True)), UNSURE, at_home, EVERYTHING_CALLABLE)
    assert order(decision) == ["home"]
