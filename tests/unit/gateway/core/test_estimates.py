from dataclasses import replace

import pytest

from pointsman.gateway.core.catalog import Capability, Model
from pointsman.gateway.core.estimates import UNSEEN, Estimate, estimate, output_token_limit, work_of
from pointsman.gateway.core.label import label_of
from pointsman.gateway.core.routing import ModelCondition, RoutingRequest
from tests.unit.gateway.core.samples import BALANCED, OLLAMA, judgement, model, price, request


def estimated(of: Model, asked: RoutingRequest, condition: ModelCondition = UNSEEN, *, category: str = "coding") -> Estimate:
    return estimate(of, asked, work_of(asked, label_of(judgement(category), None)), condition)


@pytest.mark.parametrize(("byte_count", "token_count"), [(0, 0), (1, 1), (4, 1), (5, 2), (4_000, 1_000)])
def test_input_is_a_token_for_four_bytes(byte_count: int, token_count: int) -> None:
    assert estimated(model("m"), request(input_byte_count=byte_count)).input_token_count == token_count


def test_input_is_corrected_by_what_was_observed() -> None:
    seen = estimated(model("m"), request(input_byte_count=4_000), ModelCondition(input_token_ratio=1.25))
    assert (seen.input_token_count, seen.sources["input_tokens"]) == (1_250, "observed_ratio")


@pytest.mark.parametrize(
    ("category", "token_count"),
    [
        ("coding", 500),
        ("creative_writing", 700),
        ("analysis", 600),
        ("math", 350),
        ("question", 200),
        ("chat", 80),
        ("general", 350),
        ("one_that_a_catalogue_adds", 350),
    ],
)
def test_output_by_category(category: str, token_count: int) -> None:
    assert estimated(model("m"), request(), category=category).output_token_count == token_count


def test_output_without_a_label_is_general() -> None:
    assert work_of(request(), label_of(None, None)).output_token_count == 350


@pytest.mark.parametrize(
    ("max_tokens", "model_limit", "token_count", "source"),
    [
        pytest.param(None, 16_000, 500, "category_prior", id="by_category"),
        pytest.param(100, 16_000, 100, "max_tokens", id="by_request"),
        pytest.param(8_000, 16_000, 500, "category_prior", id="a_high_limit_changes_nothing"),
        pytest.param(None, 64, 64, "model_limit", id="by_model"),
    ],
)
def test_output_is_limited(max_tokens: int | None, model_limit: int, token_count: int, source: str) -> None:
    needs = estimated(model("m", max_output_token_count=model_limit), request(max_output_token_count=max_tokens))
    assert (needs.output_token_count, needs.sources["output_tokens"]) == (token_count, source)


def test_an_embedding_has_no_completion() -> None:
    needs = estimated(model("m"), request(required_capabilities=frozenset({Capability.EMBEDDINGS})))
    assert needs.output_token_count == 0
    # 40 bytes and 8 for the message, at $0.10 per Mtok = 4.8 micro-dollars.
    assert needs.worst_case_cost_nanousd == 4_800


def test_latency_is_first_token_and_output_by_rate() -> None:
    assert estimated(model("m"), request()).latency_s == pytest.approx(0.5 + 500 / 60)
    assert estimated(model("m", provider=OLLAMA), request()).latency_s == pytest.approx(0.5 + 500 / 30)
    seen = estimated(model("m"), request(), ModelCondition(time_to_first_token_s=0.2, output_tokens_per_s=100.0))
    assert seen.latency_s == pytest.approx(0.2 + 5.0)
    assert (seen.sources["time_to_first_token"], seen.sources["output_rate"]) == ("observed", "observed")


def test_latency_of_an_unknown_model_is_assumed() -> None:
    assert estimated(model("m", typical_latency_s=None), request()).sources["time_to_first_token"] == "assumed"


def test_availability_is_1_where_nothing_is_known() -> None:
    assert estimated(model("m"), request()).availability == 1.0
    assert estimated(model("m"), request(), ModelCondition(availability=0.8)).availability == 0.8


def test_expected_and_worst_cost_by_hand() -> None:
    # 10 * 0.10 + 500 * 0.40 = 201 micro-dollars; (40 + 8) * 0.10 + 4,096 * 0.40 = 1,643.2 micro-dollars.
    needs = estimated(model("m"), request())
    assert needs.expected_cost_nanousd == 201_000
    assert needs.worst_case_cost_nanousd == 1_643_200


def test_an_unknown_price_is_not_free() -> None:
    needs = estimated(model("m", price=None), request())
    assert (needs.expected_cost_nanousd, needs.worst_case_cost_nanousd) == (None, None)
    assert needs.sources["cost"] == "unknown"


def test_the_cached_prefix_is_cheaper_on_the_sessions_model_alone() -> None:
    asked = request(input_byte_count=4_000, session_model_id="m", cached_prefix_byte_count=3_000)
    of_cache = price(1.0, 1.0, cached_input_microusd_per_mtok=100_000)
    # 250 * 1.0 + 750 * 0.1 + 500 * 1.0 = 825 micro-dollars, against 1,500 elsewhere.
    assert estimated(model("m", price=of_cache), asked).expected_cost_nanousd == 825_000
    assert estimated(model("n", price=of_cache), asked).expected_cost_nanousd == 1_500_000


def test_the_cached_prefix_saves_prefill_on_a_local_model() -> None:
    asked = request(input_byte_count=4_000, session_model_id="m", cached_prefix_byte_count=3_000)
    local, cloud = model("m", provider=OLLAMA, typical_latency_s=2.0), model("m", typical_latency_s=2.0)
    assert estimated(local, asked).latency_s == pytest.approx(2.0 * 0.25 + 500 / 30)
    assert estimated(cloud, asked).latency_s == pytest.approx(2.0 + 500 / 60)


def test_images_are_tokens_unless_billed_one_by_one() -> None:
    asked = request(image_count=2)
    assert estimated(model("m"), asked).input_token_count == 10 + 2 * 765
    # (10 + 1,530) * 0.10 + 500 * 0.40 = 354; 10 * 0.10 + 500 * 0.40 + 2 * 3,600 = 7,401 micro-dollars.
    assert estimated(model("m"), asked).expected_cost_nanousd == 354_000
    assert estimated(model("m", price=price(0.10, 0.40, image_microusd=3_600)), asked).expected_cost_nanousd == 7_401_000


@pytest.mark.parametrize(
    ("wanted", "of_policy", "of_model", "limit"),
    [(100, 200, 300, 100), (None, 200, 300, 200), (None, None, 300, 300), (None, None, None, 4_096), (None, None, 9_000, 4_096)],
)
def test_the_limit_of_a_completion(wanted: int | None, of_policy: int | None, of_model: int | None, limit: int) -> None:
    policy = replace(BALANCED, default_max_output_token_count=of_policy)
    asked = request(policy=policy, max_output_token_count=wanted)
    assert output_token_limit(model("m", max_output_token_count=of_model), asked) == limit
