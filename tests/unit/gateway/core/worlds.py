"""Catalogues, requests and conditions drawn at random."""

from hypothesis import strategies as st

from pointsman.gateway.core.catalog import Catalog, Condition, Experiment, ExperimentUnit, Model, ModelStatus, Policy, Price, RoutingRule
from pointsman.gateway.core.judgement import Difficulty, Judgement
from pointsman.gateway.core.routing import Conditions, Constraints, ModelCondition, ProviderCondition, Purpose, RoutingRequest
from tests.unit.gateway.core.samples import BALANCED, CHEAP, OLLAMA, OPENAI, QUALITY, catalog, judgement, model, request

IDS = ("a", "b", "c", "d", "e", "f")
LOGITS = st.floats(-3.0, 3.0)
RATES = st.integers(0, 30_000_000)
PRICES = st.builds(Price, RATES, RATES, RATES, RATES)
CATEGORIES = ("coding", "math", "chat")
SKILLS = st.dictionaries(st.sampled_from(("overall", *CATEGORIES)), LOGITS, min_size=1, max_size=4)
NANOUSD = st.one_of(st.none(), st.integers(0, 20_000_000))


@st.composite
def models(draw: st.DrawFn, model_id: str) -> Model:
    """A model, of which something may be unknown."""
    return model(
        model_id,
        provider=draw(st.sampled_from((OPENAI, OLLAMA))),
        status=draw(st.sampled_from((ModelStatus.ACTIVE,) * 5 + (ModelStatus.DEPRECATED, ModelStatus.DISABLED))),
        price=draw(st.one_of(*(PRICES,) * 7, st.none())),
        skills=draw(st.one_of(*(SKILLS,) * 4, st.just({}))),
        quality_score=draw(st.one_of(st.none(), st.floats(0.0, 1.0))),
        context_window_token_count=draw(st.sampled_from((128_000,) * 6 + (1_000, None))),
        typical_latency_s=draw(st.one_of(st.none(), st.floats(0.01, 5.0))),
    )


RULES = st.builds(
    RoutingRule,
    task=st.sampled_from(CATEGORIES),
    preferred_model_ids=st.lists(st.sampled_from(IDS), max_size=2).map(tuple),
    fallback_model_ids=st.lists(st.sampled_from(IDS), max_size=2).map(tuple),
    when=st.builds(Condition, difficulty=st.sampled_from((None, "easy", "hard")), policy_id=st.sampled_from((None, "cheap", "quality"))),
)
EXPERIMENTS = st.builds(
    Experiment,
    id=st.just("trial"),
    unit=st.just(ExperimentUnit.REQUEST),
    arms=st.just((("a", 1.0), ("b", 1.0))),
    when=st.builds(Condition, difficulty=st.sampled_from((None, "easy"))),
)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """One to six models, at times with rules and an experiment."""
    ids = IDS[: draw(st.integers(1, len(IDS)))]
    return catalog(
        *(draw(models(each)) for each in ids),
        routing_rules=tuple(draw(st.lists(RULES, max_size=2))),
        experiments=tuple(draw(st.lists(EXPERIMENTS, max_size=1))),
    )


CONSTRAINTS = st.one_of(
    st.just(Constraints()),
    st.builds(
        Constraints,
        exclude_models=st.lists(st.sampled_from(IDS), max_size=2).map(tuple),
        local_only=st.booleans(),
        max_cost_nanousd=NANOUSD,
        min_success_probability=st.one_of(st.none(), st.floats(0.0, 0.6)),
        max_fallback_cost_nanousd=NANOUSD,
    ),
)
POLICIES = st.sampled_from((CHEAP, BALANCED, QUALITY, Policy("0.5", 80.0, 0.8)))


@st.composite
def requests(draw: st.DrawFn) -> RoutingRequest:
    """A request for ranking, at times with constraints, a pin or an experiment's unit."""
    policy = draw(POLICIES)
    return request(
        policy=policy,
        policy_label=policy.id,
        input_byte_count=draw(st.integers(0, 20_000)),
        constraints=draw(CONSTRAINTS),
        purpose=draw(st.sampled_from(Purpose)),
        max_output_token_count=draw(st.one_of(st.none(), st.integers(1, 4_000))),
        pinned_model_id=draw(st.sampled_from((None, None, "a", "b"))),
        in_tool_loop=draw(st.booleans()),
        experiment_units=draw(st.sampled_from(({}, {"request": "r1"}, {"request": "r2"}))),
        routing_threshold=draw(st.sampled_from((None, None, 0.5))),
    )


@st.composite
def judgements(draw: st.DrawFn) -> Judgement | None:
    """A judgement, or none."""
    if draw(st.integers(0, 9)) == 0:
        return None
    return judgement(
        draw(st.sampled_from(CATEGORIES)), b=draw(LOGITS), a=draw(st.floats(0.2, 3.0)), difficulty=draw(st.sampled_from(Difficulty))
    )


MODEL_CONDITIONS = st.builds(
    ModelCondition,
    circuit_open=st.booleans(),
    availability=st.one_of(st.none(), st.floats(0.0, 1.0)),
    time_to_first_token_s=st.one_of(st.none(), st.floats(0.01, 10.0)),
    output_tokens_per_s=st.one_of(st.none(), st.floats(1.0, 200.0)),
    input_token_ratio=st.one_of(st.none(), st.floats(0.5, 2.0)),
)
CONDITIONS = st.builds(
    Conditions,
    providers=st.dictionaries(
        st.sampled_from(("openai", "ollama")), st.builds(ProviderCondition, callable=st.sampled_from((True,) * 5 + (False,)))
    ),
    models=st.dictionaries(st.sampled_from(IDS), MODEL_CONDITIONS),
)
