"""Values to test with: each maker names a whole, plain thing, and takes what a test wants different."""

from collections.abc import Mapping
from dataclasses import replace

from pointsman.gateway.core.catalog import (
    Capability,
    Catalog,
    CatalogVersion,
    Location,
    Model,
    ModelStatus,
    Policy,
    Price,
    Provider,
)
from pointsman.gateway.core.judgement import ClassificationMethod, Difficulty, Judgement
from pointsman.gateway.core.routing import (
    Cause,
    Conditions,
    Constraints,
    ModelCondition,
    PriorDecision,
    ProviderCondition,
    RoutingDecision,
    RoutingRequest,
)

VERSION = CatalogVersion("epoch", 7)
OPENAI = Provider("openai", Location.CLOUD)
OLLAMA = Provider("ollama", Location.LOCAL)
CHEAP = Policy("cheap", 8.0, 0.6)
BALANCED = Policy("balanced", 40.0, 0.75)
QUALITY = Policy("quality", 800.0, 1.0)
EVERYTHING_CALLABLE = Conditions()
FREE = Price(0, 0, 0, 0)
CHAT = frozenset({Capability.CHAT, Capability.STREAMING})


def price(input_usd: float, output_usd: float, **changes: int | None) -> Price:
    """A price from USD per million tokens; cached and written tokens cost what others do."""
    of_input, of_output = round(input_usd * 1e6), round(output_usd * 1e6)
    return replace(Price(of_input, of_input, of_input, of_output), **changes)  # type: ignore[arg-type]  # only counts are changed


def model(model_id: str, *, theta: float | None = 0.0, provider: Provider = OPENAI, **changes: object) -> Model:
    """An active chat model of which everything is known."""
    made = Model(
        id=model_id,
        provider=provider,
        display_name=model_id,
        status=ModelStatus.ACTIVE,
        upstream=model_id,
        capabilities=CHAT,
        context_window_token_count=128_000,
        max_output_token_count=16_000,
        price=FREE if provider.location is Location.LOCAL else price(0.10, 0.40),
        skills={} if theta is None else {"overall": theta},
        typical_latency_s=0.5,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # named by the tests


def catalog(*models: Model, **changes: object) -> Catalog:
    """A catalogue of these models with the three usual policies."""
    made = Catalog(
        version=VERSION,
        models={each.id: each for each in models},
        policies={policy.id: policy for policy in (CHEAP, BALANCED, QUALITY)},
        default_policy_id="balanced",
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # named by the tests


def judgement(category: str = "coding", *, b: float = 0.0, a: float = 1.0, difficulty: Difficulty = Difficulty.MEDIUM) -> Judgement:
    """A sure judgement."""
    return Judgement(
        category=category,
        category_probabilities={category: 1.0},
        difficulty_logit=b,
        discrimination=a,
        complexity_score=0.5,
        difficulty=difficulty,
        creativity_score=0.1,
        domain_confidence=1.0,
        ml_confidence=0.9,
        method=ClassificationMethod.HYBRID,
    )


def request(**changes: object) -> RoutingRequest:
    """40 bytes of chat under the balanced policy."""
    made = RoutingRequest(policy=BALANCED, policy_label="balanced", input_byte_count=40)
    return replace(made, **changes)  # type: ignore[arg-type]  # named by the tests


def constrained(**changes: object) -> RoutingRequest:
    """The same with constraints."""
    return request(constraints=replace(Constraints(), **changes))  # type: ignore[arg-type]  # named by the tests


def prior(*model_ids: str, cause: Cause = Cause.RANKED, override: str | None = None) -> PriorDecision:
    """A decision made before."""
    return PriorDecision("dec_1", model_ids, cause, override)


def no_key_for(*provider_ids: str) -> Conditions:
    """A world in which these providers lack their key."""
    return Conditions(providers={each: ProviderCondition(callable=False, reason=f"set {each.upper()}_API_KEY") for each in provider_ids})


def circuits_open(*model_ids: str) -> Conditions:
    """A world in which these models have failed lately."""
    return Conditions(models={each: ModelCondition(circuit_open=True) for each in model_ids})


def order(decision: RoutingDecision) -> list[str]:
    """The candidates' ids."""
    return [candidate.model.id for candidate in decision.ranking]


def reasons_by_id(decision: RoutingDecision) -> Mapping[str, str]:
    """Why each excluded model is."""
    return {excluded.model_id: excluded.reason.value for excluded in decision.excluded}
