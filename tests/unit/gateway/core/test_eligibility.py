"""Level 0, by way of the whole decision: each row excludes "x" and leaves "other"."""

from dataclasses import replace

import pytest

from pointsman.gateway.core.catalog import Capability, DataClass, Location, Model, ModelStatus, Provider
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import Conditions, Constraints, ProviderCondition, RoutingRequest
from tests.unit.gateway.core.samples import (
    BALANCED,
    EVERYTHING_CALLABLE,
    OLLAMA,
    OPENAI,
    catalog,
    constrained,
    judgement,
    model,
    no_key_for,
    order,
    price,
    reasons_by_id,
    request,
)

ABLE = frozenset(Capability)
OTHER = model(
    "other", theta=2.0, provider=Provider("elsewhere", Location.LOCAL), capabilities=ABLE, price=price(0.0, 0.0), typical_latency_s=0.001
)


def policy(**changes: object) -> RoutingRequest:
    return request(policy=replace(BALANCED, **changes))  # type: ignore[arg-type]  # named by the table


@pytest.mark.parametrize(
    ("asked", "of", "reason"),
    [
        pytest.param(request(), model("x", status=ModelStatus.DISABLED), "status", id="disabled"),
        pytest.param(request(), model("x", status=ModelStatus.DRAINING), "status", id="draining"),
        pytest.param(request(), model("x", status=ModelStatus.DEPRECATED), "status", id="deprecated_is_not_ranked"),
        pytest.param(policy(models=("o*",)), model("x"), "policy", id="policy_allows_others"),
        pytest.param(policy(exclude_models=("x",)), model("x"), "policy", id="policy_excludes"),
        pytest.param(constrained(models=("oth*",)), model("x"), "constraints", id="constraint_models"),
        pytest.param(constrained(exclude_models=("x*",)), model("x"), "constraints", id="constraint_exclude_models"),
        pytest.param(constrained(providers=("elsewhere",)), model("x"), "constraints", id="constraint_providers"),
        pytest.param(constrained(exclude_providers=("open*",)), model("x"), "constraints", id="constraint_exclude_providers"),
        pytest.param(
            request(required_capabilities=frozenset({Capability.CHAT, Capability.TOOLS})),
            model("x"),
            "capability",
            id="request_holds_tools",
        ),
        pytest.param(constrained(capabilities=frozenset({Capability.VISION})), model("x"), "capability", id="constraint_capabilities"),
        pytest.param(constrained(local_only=True), model("x"), "local_only", id="constraint_local_only"),
        pytest.param(policy(local_only=True), model("x"), "local_only", id="policy_local_only"),
        pytest.param(
            constrained(data_class=DataClass.INTERNAL),
            model("x", data_classes=frozenset({DataClass.PUBLIC})),
            "data_class",
            id="data_class",
        ),
        pytest.param(
            constrained(data_class=DataClass.CONFIDENTIAL),
            model("x", provider=replace(OPENAI, data_classes=frozenset({DataClass.INTERNAL})), data_classes=frozenset(DataClass)),
            "data_class",
            id="data_class_of_model_and_provider_intersect",
        ),
        pytest.param(
            request(policy=replace(BALANCED, data_class=DataClass.CONFIDENTIAL), constraints=Constraints(data_class=DataClass.PUBLIC)),
            model("x", data_classes=frozenset({DataClass.INTERNAL})),
            "data_class",
            id="the_stricter_data_class_holds",
        ),
        pytest.param(request(), model("x", price=None), "facts_missing", id="price_unknown"),
        pytest.param(request(), model("x", context_window_token_count=None), "facts_missing", id="window_unknown"),
        pytest.param(request(), model("x", theta=None), "facts_missing", id="ability_unknown"),
        pytest.param(request(), model("x", capabilities=frozenset()), "facts_missing", id="capabilities_unknown"),
        pytest.param(
            request(max_output_token_count=2_000), model("x", max_output_token_count=1_000), "output_limit", id="max_tokens_beyond_model"
        ),
        pytest.param(request(input_byte_count=4_000), model("x", context_window_token_count=1_400), "context_window", id="window"),
        pytest.param(
            request(max_output_token_count=900), model("x", context_window_token_count=905), "context_window", id="window_with_max_tokens"
        ),
        pytest.param(constrained(max_cost_nanousd=200_999), model("x"), "max_cost", id="constraint_max_cost"),
        pytest.param(policy(max_cost_nanousd=200_999), model("x"), "max_cost", id="policy_max_cost"),
        pytest.param(constrained(max_latency_s=18.0), model("x", typical_latency_s=10.0), "max_latency", id="max_latency"),
        pytest.param(constrained(min_success_probability=0.6), model("x"), "min_success_probability", id="constraint_min_success"),
        pytest.param(policy(min_success_probability=0.6), model("x"), "min_success_probability", id="policy_min_success"),
        pytest.param(request(routing_threshold=0.7), model("x", provider=OLLAMA), "routing_threshold", id="routing_threshold_of_local"),
    ],
)
def test_who_may_not_answer(asked: RoutingRequest, of: Model, reason: str) -> None:
    decision = decide(asked, judgement(), catalog(of, OTHER), EVERYTHING_CALLABLE)
    assert order(decision) == ["other"]
    assert reasons_by_id(decision) == {"x": reason}


@pytest.mark.parametrize(
    ("asked", "of"),
    [
        pytest.param(constrained(max_cost_nanousd=201_000), model("x"), id="cost_at_the_limit"),
        pytest.param(constrained(data_class=DataClass.INTERNAL), model("x"), id="data_classes_unset_are_all"),
        pytest.param(
            constrained(data_class=DataClass.PUBLIC),
            model("x", data_classes=frozenset({DataClass.INTERNAL})),
            id="who_may_see_internal_may_see_public",
        ),
        pytest.param(
            request(input_byte_count=4_000), model("x", context_window_token_count=1_500), id="window_holds_prompt_and_expected_answer"
        ),
        pytest.param(constrained(min_success_probability=0.5), model("x"), id="success_at_the_limit"),
        pytest.param(request(routing_threshold=0.7), model("x"), id="routing_threshold_leaves_cloud_alone"),
        pytest.param(request(), model("x", theta=None, quality_score=0.5), id="quality_stands_in_for_ability"),
        pytest.param(
            request(required_capabilities=frozenset({Capability.EMBEDDINGS})),
            model("x", theta=None, capabilities=frozenset({Capability.EMBEDDINGS})),
            id="an_embedding_needs_no_ability",
        ),
    ],
)
def test_who_may_answer(asked: RoutingRequest, of: Model) -> None:
    assert "x" in order(decide(asked, judgement(), catalog(of, OTHER), EVERYTHING_CALLABLE))


def test_models_that_the_key_may_not_use_do_not_exist_for_it() -> None:
    decision = decide(request(key_models=("o*",)), judgement(), catalog(model("x"), OTHER), EVERYTHING_CALLABLE)
    assert order(decision) == ["other"]
    assert decision.excluded == ()


def test_a_provider_without_a_key_cannot_be_called() -> None:
    decision = decide(request(), judgement(), catalog(model("x"), OTHER), no_key_for("openai"))
    assert [(each.model_id, each.reason, each.message) for each in decision.excluded] == [("x", "credentials", "set OPENAI_API_KEY")]


def test_the_callers_own_key_makes_openai_callable_and_no_other() -> None:
    azure = model("y", provider=Provider("azure", Location.CLOUD))
    decision = decide(request(has_caller_key=True), judgement(), catalog(model("x"), azure, OTHER), no_key_for("openai", "azure"))
    assert sorted(order(decision)) == ["other", "x"]
    assert reasons_by_id(decision) == {"y": "credentials"}


def test_a_model_that_its_provider_does_not_list_cannot_be_called() -> None:
    listing = Conditions(providers={"openai": ProviderCondition(callable=True, listed_upstreams=frozenset({"upstream-of-x"}))})
    models = (model("x", upstream="upstream-of-x"), model("y"), OTHER)
    decision = decide(request(), judgement(), catalog(*models), listing)
    assert reasons_by_id(decision) == {"y": "not_listed"}


def test_what_is_amiss_with_the_model_is_told_before_a_missing_key() -> None:
    decision = decide(constrained(max_cost_nanousd=1), judgement(), catalog(model("x"), OTHER), no_key_for("openai"))
    assert reasons_by_id(decision) == {"x": "max_cost"}
