"""Every flip is a claim about another world: make that world, decide in it, and see."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from pointsman.gateway.core.catalog import Catalog, Condition, Price, RoutingRule
from pointsman.gateway.core.estimates import work_of
from pointsman.gateway.core.judgement import Difficulty, Judgement
from pointsman.gateway.core.label import label_of
from pointsman.gateway.core.logistic import logit
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import Cause, Conditions, Flip, FlipKind, ModelCondition, RoutingDecision, RoutingRequest
from pointsman.gateway.core.routing_errors import RoutingError
from tests.unit.gateway.core.samples import EVERYTHING_CALLABLE, OLLAMA, catalog, judgement, model, order, price, prior, request
from tests.unit.gateway.core.worlds import CONDITIONS, catalogs, judgements, requests

LOCAL = model("phi3", theta=0.0, provider=OLLAMA)
CLOUD = model("gpt", theta=3.0, price=price(2.0, 8.0))
TWO = catalog(LOCAL, CLOUD)


def flips_by_kind(decision: RoutingDecision) -> dict[FlipKind, Flip]:
    return {flip.kind: flip for flip in decision.flips}


def with_success(of: Catalog, model_id: str, success: float, judged: Judgement) -> Catalog:
    """The model succeeds with just that probability on this prompt."""
    theta = judged.difficulty_logit + logit(min(max(success, 1e-12), 1 - 1e-12)) / judged.discrimination
    return replace(of, models={**of.models, model_id: replace(of.models[model_id], skills={"overall": theta})})


def with_cost(of: Catalog, model_id: str, count: int, nanousd: int, *, at_most: bool) -> Catalog:
    """A request of that many tokens out costs about that much with the model: not above it, or not below it."""
    rate = nanousd * 1_000 // count if at_most else -(-nanousd * 1_000 // count)
    return replace(of, models={**of.models, model_id: replace(of.models[model_id], price=Price(0, 0, 0, rate))})


def winner_in_world_of(flip: Flip, asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions) -> str:
    """Who wins where what the flip supposes is so."""
    margin = 1e-9 if flip.changed_id == flip.winner_id else -1e-9
    if flip.kind is FlipKind.SUCCESS and flip.changed_id is not None and flip.at is not None:
        plain = judged or judgement(b=0.0, a=1.0)
        of = with_success(of, flip.changed_id, flip.at + margin, plain)
    elif flip.kind is FlipKind.PRICE and flip.changed_id is not None and flip.at is not None:
        count = work_of(asked, label_of(judged, None)).output_token_count
        of = with_cost(of, flip.changed_id, count, round(flip.at * 1e9), at_most=flip.changed_id == flip.winner_id)
    elif flip.kind is FlipKind.DIFFICULTY and flip.at is not None and judged is not None:
        difficulty = next(each for each in Difficulty if f"judged {each} " in flip.text)
        judged = replace(judged, difficulty=difficulty, difficulty_logit=logit(flip.at))
    elif flip.kind is FlipKind.POLICY and flip.policy_id is not None:
        asked = replace(asked, policy=of.policies[flip.policy_id], policy_label=flip.policy_id)
    else:
        of = replace(of, routing_rules=(), experiments=())
        asked = replace(asked, pinned_model_id=None)
    return decide(asked, judged, of, conditions).ranking[0].model.id


@settings(max_examples=200, deadline=None)
@given(requests(), judgements(), catalogs(), CONDITIONS)
def test_every_flip_is_true_when_ranked_again(asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions) -> None:
    try:
        decision = decide(asked, judged, of, conditions)
    except RoutingError:
        assume(False)
    for flip in decision.flips:
        assert flip.winner_id != decision.ranking[0].model.id
        if flip.kind is FlipKind.SUCCESS and any(not each.skills for each in of.models.values()):
            continue  # a changed skill moves what stands in for the unknown ones
        assert winner_in_world_of(flip, asked, judged, of, conditions) == flip.winner_id, flip


def test_a_harder_prompt_needs_the_stronger_model() -> None:
    decision = decide(request(), judgement(b=-2.0, difficulty=Difficulty.EASY), TWO, EVERYTHING_CALLABLE)
    assert order(decision) == ["phi3", "gpt"]
    flip = flips_by_kind(decision)[FlipKind.DIFFICULTY]
    assert flip.winner_id == "gpt"
    assert flip.text.startswith("gpt would win if the prompt were judged")


def test_success_at_which_the_rival_takes_over_by_hand() -> None:
    # Equal waits. V = 40e-6 * (500 + 10/4) = 0.0201 USD; gpt costs 10 * 2e-6 + 500 * 8e-6 = 0.00402 USD, which is 0.2 of V;
    # phi3 succeeds with 0.73, gpt can bring at most 0.75. So phi3 must fall to below 0.75 - 0.2 = 0.55.
    level = catalog(replace(LOCAL, typical_latency_s=0.5), replace(CLOUD, typical_latency_s=0.5 + 500 / 30 - 500 / 60))
    decision = decide(request(), judgement(b=-1.0), level, EVERYTHING_CALLABLE)
    flip = flips_by_kind(decision)[FlipKind.SUCCESS]
    assert (flip.winner_id, flip.changed_id, flip.at) == ("gpt", "phi3", 0.549)
    assert flip.text == "gpt would win if phi3 succeeded with probability 0.549 or less (now 0.731)"


def test_price_at_which_the_rival_takes_over_by_hand() -> None:
    # gpt earns 0.75 - 0.731 = 0.0189 of V = 0.0201 USD more: 0.00038089 USD is what it may cost, told as $0.00038.
    level = catalog(replace(LOCAL, typical_latency_s=0.5), replace(CLOUD, typical_latency_s=0.5 + 500 / 30 - 500 / 60))
    flip = flips_by_kind(decide(request(), judgement(b=-1.0), level, EVERYTHING_CALLABLE))[FlipKind.PRICE]
    assert (flip.winner_id, flip.changed_id) == ("gpt", "gpt")
    assert flip.at == pytest.approx(0.000380, abs=1e-9)
    assert flip.text == "gpt would win if this request cost $0.00038 or less with it (now $0.00402)"


def test_a_policy_that_values_answers_more_would_choose_otherwise() -> None:
    flip = flips_by_kind(decide(request(), judgement(b=-1.0), TWO, EVERYTHING_CALLABLE))[FlipKind.POLICY]
    assert (flip.winner_id, flip.policy_id, flip.text) == ("gpt", "quality", "gpt would win under policy quality")


def test_a_difficulty_flip_knows_of_rules() -> None:
    rule = RoutingRule("coding", ("gpt",), when=Condition(difficulty="easy"))
    decision = decide(request(), judgement(b=-1.0), replace(TWO, routing_rules=(rule,)), EVERYTHING_CALLABLE)
    assert any(flip.winner_id == "gpt" and "judged easy" in flip.text for flip in decision.flips)


def test_a_rules_choice_tells_what_utility_would_have_chosen() -> None:
    rule = RoutingRule("coding", ("gpt",))
    decision = decide(request(), judgement(b=-1.0), replace(TWO, routing_rules=(rule,)), EVERYTHING_CALLABLE)
    assert [flip.text for flip in decision.flips] == ["phi3 would win by utility alone"]


@pytest.mark.parametrize(
    "asked",
    [request(model_ids=("gpt", "phi3")), request(prior=prior("gpt", "phi3", cause=Cause.EXPLICIT_MODEL))],
    ids=["explicit", "prior"],
)
def test_nothing_is_claimed_where_the_request_names_the_model(asked: RoutingRequest) -> None:
    assert decide(asked, judgement(), TWO, EVERYTHING_CALLABLE).flips == ()


def test_no_success_helps_a_rival_that_next_to_never_answers() -> None:
    hardly = Conditions(models={"gpt": ModelCondition(availability=5e-324)})
    assert FlipKind.SUCCESS not in flips_by_kind(decide(request(), judgement(), TWO, hardly))


def test_one_model_alone_has_no_flips() -> None:
    assert decide(request(), judgement(), catalog(LOCAL), EVERYTHING_CALLABLE).flips == ()


def test_work_is_the_same_for_every_policy() -> None:
    label = label_of(judgement(), None)
    assert work_of(request(), label) == work_of(request(policy=TWO.policies["quality"]), label)
