from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pointsman.gateway.core.catalog import Catalog, Price
from pointsman.gateway.core.judgement import Judgement
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import Conditions, ModelCondition, RoutingDecision, RoutingRequest
from pointsman.gateway.core.routing_errors import RoutingError
from tests.unit.gateway.core.samples import (
    EVERYTHING_CALLABLE,
    FREE,
    OLLAMA,
    VERSION,
    catalog,
    constrained,
    judgement,
    model,
    order,
    price,
    reasons_by_id,
    request,
)
from tests.unit.gateway.core.worlds import CONDITIONS, IDS, catalogs, judgements, requests


def decided(asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions) -> RoutingDecision:
    """The decision; a world in which none is made is not looked at."""
    try:
        return decide(asked, judged, of, conditions)
    except RoutingError:
        assume(False)
        raise


@settings(deadline=None)
@given(requests(), judgements(), catalogs(), CONDITIONS)
def test_ranking_is_total_and_every_model_is_ranked_or_excluded(
    asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions
) -> None:
    decision = decided(asked, judged, of, conditions)
    excluded = [each.model_id for each in decision.excluded]
    assert sorted(order(decision) + excluded) == sorted(of.models)
    assert [each.rank for each in decision.ranking] == list(range(1, len(decision.ranking) + 1))


@settings(deadline=None)
@given(requests(), judgements(), catalogs(), CONDITIONS)
def test_equal_arguments_give_an_equal_decision(
    asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions
) -> None:
    assert decided(asked, judged, of, conditions) == decide(asked, judged, of, conditions)


@settings(deadline=None)
@given(requests(), judgements(), catalogs(), CONDITIONS, st.permutations(IDS))
def test_the_order_of_the_catalogue_does_not_matter(
    asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions, ids: list[str]
) -> None:
    shuffled = replace(of, models={each: of.models[each] for each in ids if each in of.models})
    assert order(decided(asked, judged, shuffled, conditions)) == order(decided(asked, judged, of, conditions))


@settings(deadline=None)
@given(requests(), judgements(), catalogs(), CONDITIONS, st.integers(0, 5), st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_higher_price_never_raises_a_models_rank(
    asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions, index: int, more_in: int, more_out: int
) -> None:
    model_id = list(of.models)[index % len(of.models)]
    before = of.models[model_id].price or FREE
    dearer = Price(
        before.input_microusd_per_mtok + more_in,
        before.cached_input_microusd_per_mtok + more_in,
        before.cache_write_microusd_per_mtok + more_in,
        before.output_microusd_per_mtok + more_out,
    )
    cheap, dear = (replace(of, models={**of.models, model_id: replace(of.models[model_id], price=each)}) for each in (before, dearer))
    old, new = order(decided(asked, judged, cheap, conditions)), order(decided(asked, judged, dear, conditions))
    if model_id in new:
        assert model_id in old
        assert new.index(model_id) >= old.index(model_id)


@settings(deadline=None)
@given(requests(), judgements(), catalogs(), CONDITIONS)
def test_the_terms_of_every_candidate_sum_to_its_score(
    asked: RoutingRequest, judged: Judgement | None, of: Catalog, conditions: Conditions
) -> None:
    for candidate in decided(asked, judged, of, conditions).ranking:
        terms = candidate.terms
        assert candidate.score_usd == terms.value_usd + terms.cost_usd + terms.latency_usd
        assert terms.cost_usd == -(candidate.expected_cost_nanousd or 0) / 1e9
        assert (candidate.worst_case_cost_nanousd or 0) >= (candidate.expected_cost_nanousd or 0)


def test_a_whole_decision_by_hand() -> None:
    """Balanced, 2,000 bytes of coding (500 tokens in, 500 out), b = 0, a = 1.

    V = 40e-6 * (500 + 125) = 0.025 USD, W = V / 3600 = 6.9444e-6 USD/s.
    phi3, free, theta 0: 0.025 * 0.5 = 0.0125; waits 0.5 + 500/30 = 17.1667 s, 0.00011921; score 0.01238079.
    nano at $0.10/$0.40, theta 1: 0.025 * 0.731059 = 0.01827646; costs 500 * 0.1e-6 + 500 * 0.4e-6 = 0.00025;
      waits 0.5 + 500/60 = 8.8333 s, 0.00006134; score 0.01796512.
    big at $2/$8, theta 3: 0.025 * min(0.952574, 0.75) = 0.01875; costs 0.005; 0.00006134; score 0.01368866.
    """
    of = catalog(model("phi3", theta=0.0, provider=OLLAMA), model("nano", theta=1.0), model("big", theta=3.0, price=price(2.0, 8.0)))
    decision = decide(request(input_byte_count=2_000), judgement(), of, EVERYTHING_CALLABLE)
    assert order(decision) == ["nano", "big", "phi3"]
    assert [each.score_usd for each in decision.ranking] == pytest.approx([0.01796512, 0.01368866, 0.01238079], abs=1e-8)
    nano = decision.ranking[0]
    assert nano.terms.value_usd == pytest.approx(0.01827646, abs=1e-8)
    assert nano.terms.cost_usd == pytest.approx(-0.00025)
    assert nano.terms.latency_usd == pytest.approx(-0.00006134, abs=1e-8)
    assert nano.expected_cost_nanousd == 250_000
    assert nano.expected_latency_s == pytest.approx(8.8333, abs=1e-4)
    assert (decision.input_token_count, decision.output_token_count, decision.catalog_version) == (500, 500, VERSION)
    assert nano.reasons == ("success 0.73", "$0.00025 for about 500 tokens in and 500 out", "answers in about 8.83 s")
    assert decision.summary == (
        "nano comes first: for medium coding work it is worth most under policy balanced "
        "(success 0.73, $0.00025 for about 500 tokens in and 500 out). "
        "Next is big: success 0.95, 0.75 is good enough, $0.005 for about 500 tokens in and 500 out."
    )


def test_a_free_local_model_takes_what_it_can_do() -> None:
    of = catalog(model("phi3", theta=1.5, provider=OLLAMA), model("big", theta=5.0, price=price(2.0, 8.0)))
    assert order(decide(request(), judgement(), of, EVERYTHING_CALLABLE)) == ["phi3", "big"]


def test_ties_go_by_success_then_cost_then_id() -> None:
    # All are good enough and free; c succeeds most, a and b alike.
    of = catalog(model("b", theta=2.0, price=FREE), model("a", theta=2.0, price=FREE), model("c", theta=3.0, price=FREE))
    assert order(decide(request(), judgement(), of, EVERYTHING_CALLABLE)) == ["c", "a", "b"]


def test_every_figure_names_its_source() -> None:
    decision = decide(request(), judgement(), catalog(model("a")), Conditions(models={"a": ModelCondition(availability=0.9)}))
    assert decision.ranking[0].sources == {
        "success": "ability",
        "input_tokens": "bytes",
        "output_tokens": "category_prior",
        "cost": "price",
        "time_to_first_token": "catalogue",
        "output_rate": "assumed",
        "availability": "observed",
    }
    assert "90% of its calls succeeded lately" in decision.ranking[0].reasons


def test_the_prompt_cache_keeps_a_conversation_where_it_pays() -> None:
    """20,000 tokens, of which 19,000 are cached by "a": they cost 0.1 instead of 1.0 there; "b" is a little cheaper otherwise."""
    cheaper_when_cached = price(1.0, 1.0, cached_input_microusd_per_mtok=100_000)
    of = catalog(model("a", theta=2.0, price=cheaper_when_cached), model("b", theta=2.0, price=price(0.9, 0.9)))
    fresh = request(input_byte_count=80_000)
    assert order(decide(fresh, judgement(), of, EVERYTHING_CALLABLE)) == ["b", "a"]
    warm = replace(fresh, session_model_id="a", cached_prefix_byte_count=76_000)
    decision = decide(warm, judgement(), of, EVERYTHING_CALLABLE)
    assert order(decision) == ["a", "b"]
    assert "about 19000 tokens of the prompt are in its cache" in decision.ranking[0].reasons


def test_fallbacks_beyond_their_cost_are_dropped_and_rank_1_is_not() -> None:
    of = catalog(model("a", theta=2.0, price=price(5.0, 5.0)), model("b", price=price(0.1, 0.1)), model("c", price=price(4.0, 4.0)))
    decision = decide(
        replace(constrained(max_fallback_cost_nanousd=100_000), model_ids=("a", "b", "c")), judgement(), of, EVERYTHING_CALLABLE
    )
    assert order(decision) == ["a", "b"]
    assert reasons_by_id(decision) == {"c": "max_fallback_cost"}


@pytest.mark.parametrize(
    ("max_cost_nanousd", "max_tokens", "limit"),
    [
        pytest.param(None, None, None, id="without_max_cost_nothing_is_held"),
        # 1,000,000 - 10 tokens * 100 = 999,000 nano-dollars; at 400 a token that is 2,497.5 tokens.
        pytest.param(1_000_000, None, 2_497, id="what_max_cost_affords"),
        pytest.param(1_000_000, 500, None, id="the_requests_own_limit_is_enough"),
        pytest.param(1_000_000, 4_000, 2_497, id="the_requests_own_limit_is_too_high"),
    ],
)
def test_output_is_held_to_what_max_cost_affords(max_cost_nanousd: int | None, max_tokens: int | None, limit: int | None) -> None:
    asked = replace(constrained(max_cost_nanousd=max_cost_nanousd), max_output_token_count=max_tokens)
    assert decide(asked, judgement(), catalog(model("a")), EVERYTHING_CALLABLE).output_token_limit == limit


def test_several_choices_share_what_max_cost_affords_and_their_input() -> None:
    asked = replace(constrained(max_cost_nanousd=1_000_000), choice_count=4)
    decision = decide(asked, judgement(), catalog(model("a")), EVERYTHING_CALLABLE)
    assert decision.output_token_limit == 2_497 // 4
    assert decision.ranking[0].expected_cost_nanousd == 10 * 100 + 4 * 500 * 400


def test_images_that_are_billed_one_by_one_leave_less_to_say() -> None:
    of = price(0.10, 0.40, image_microusd=100)
    asked = replace(constrained(max_cost_nanousd=1_000_000), image_count=2)
    # 1,000,000 - 2 images * 100,000 - 10 tokens * 100 = 799,000 nano-dollars; at 400 a token that is 1,997.5 tokens.
    assert decide(asked, judgement(), catalog(model("a", price=of)), EVERYTHING_CALLABLE).output_token_limit == 1_997


def test_a_free_model_needs_no_limit() -> None:
    local = catalog(model("phi3", provider=OLLAMA))
    assert decide(constrained(max_cost_nanousd=0), judgement(), local, EVERYTHING_CALLABLE).output_token_limit is None
