import pytest

from pointsman.gateway.core.catalog import Capability, DataClass, ModelStatus
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.routing import Conditions, Purpose, RoutingRequest
from pointsman.gateway.core.routing_errors import ContextLengthExceeded, NoCandidate, NoHealthyProvider, RoutingError
from tests.unit.gateway.core.samples import EVERYTHING_CALLABLE, OLLAMA, catalog, constrained, judgement, model, no_key_for, order, request

LOCAL = model("phi3", theta=0.0, provider=OLLAMA)
CLOUD = model("gpt", theta=1.0)
EMBEDDER = model("embedder", capabilities=frozenset({Capability.EMBEDDINGS}))
DISABLED = model("off", status=ModelStatus.DISABLED)
CATALOG = catalog(LOCAL, CLOUD, EMBEDDER, DISABLED)


def refused(asked: RoutingRequest, conditions: Conditions = EVERYTHING_CALLABLE) -> RoutingError:
    with pytest.raises(RoutingError) as raised:
        decide(asked, judgement(), CATALOG, conditions)
    return raised.value


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        pytest.param(constrained(models=("none-*",)), "by models", id="models"),
        pytest.param(constrained(exclude_models=("*",)), "by exclude_models", id="exclude_models"),
        pytest.param(constrained(providers=("acme",)), "by providers", id="providers"),
        pytest.param(constrained(capabilities=frozenset({Capability.PDF})), "capabilities (chat, pdf)", id="capabilities"),
        pytest.param(request(max_output_token_count=10**6), "max_tokens 1000000", id="max_tokens"),
        pytest.param(constrained(local_only=True, exclude_providers=("ollama",)), "exclude_providers, local_only", id="several"),
        pytest.param(constrained(max_cost_nanousd=1, exclude_models=("phi3",)), "max_cost_usd 0.000000001", id="max_cost"),
        pytest.param(constrained(max_latency_s=0.1), "max_latency_ms 100", id="max_latency"),
        pytest.param(constrained(min_success_probability=0.99), "min_success_probability", id="min_success"),
    ],
)
def test_constraints_that_leave_none_are_named(asked: RoutingRequest, named: str) -> None:
    error = refused(asked)
    assert isinstance(error, NoCandidate)
    assert error.reason == "no_candidate"
    assert named in error.message


def test_data_class_that_leaves_none_is_named() -> None:
    shy = model("shy", data_classes=frozenset({DataClass.PUBLIC}))
    with pytest.raises(NoCandidate, match="data_class confidential"):
        decide(constrained(data_class=DataClass.CONFIDENTIAL), judgement(), catalog(shy), EVERYTHING_CALLABLE)


def test_a_prompt_longer_than_every_window_is_told_as_such() -> None:
    error = refused(request(input_byte_count=4 * 200_000))
    assert isinstance(error, ContextLengthExceeded)
    assert "prompt and answer need 200500 tokens, model takes 128000" in error.message


def test_a_window_beside_a_constraint_is_the_constraints_doing() -> None:
    assert isinstance(
        refused(request(input_byte_count=4 * 200_000, constraints=constrained(exclude_models=("gpt",)).constraints)), NoCandidate
    )


def test_without_any_callable_model_the_settings_are_named() -> None:
    error = refused(request(), no_key_for("openai", "ollama"))
    assert isinstance(error, NoHealthyProvider)
    assert error.reason == "no_healthy_provider"
    assert "phi3 (ollama: set OLLAMA_API_KEY)" in error.message
    assert "gpt (openai: set OPENAI_API_KEY)" in error.message


def test_a_model_that_only_lacks_its_key_makes_it_503_even_beside_constraints() -> None:
    assert isinstance(refused(constrained(exclude_models=("phi3",)), no_key_for("openai")), NoHealthyProvider)


def test_an_explicit_model_without_its_key_is_503() -> None:
    assert isinstance(refused(request(model_ids=("gpt",)), no_key_for("openai")), NoHealthyProvider)


def test_an_explicit_disabled_model_is_503() -> None:
    assert "the model is disabled" in refused(request(model_ids=("off",))).message


def test_an_empty_catalogue_is_503() -> None:
    with pytest.raises(NoHealthyProvider):
        decide(request(), judgement(), catalog(), EVERYTHING_CALLABLE)


def test_many_models_are_not_all_listed() -> None:
    many = catalog(*(model(f"m{i}") for i in range(50)))
    with pytest.raises(NoHealthyProvider) as raised:
        decide(request(), judgement(), many, no_key_for("openai"))
    assert "and 47 more" in raised.value.message


def test_recommend_ranks_all_where_none_is_callable() -> None:
    decision = decide(request(purpose=Purpose.RECOMMEND), judgement(), CATALOG, no_key_for("openai", "ollama"))
    assert sorted(order(decision)) == ["gpt", "phi3"]
    assert decision.degraded == ("not_callable",)
    assert "cannot be called now: set OLLAMA_API_KEY" in next(each for each in decision.ranking if each.model.id == "phi3").reasons


def test_recommend_leaves_out_what_cannot_be_called_where_others_can() -> None:
    decision = decide(request(purpose=Purpose.RECOMMEND), judgement(), CATALOG, no_key_for("openai"))
    assert order(decision) == ["phi3"]
    assert decision.degraded == ()
