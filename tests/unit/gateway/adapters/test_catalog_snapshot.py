"""The catalogue from its wire form: nothing unknown becomes zero."""

import pytest
from google.protobuf.duration_pb2 import Duration

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.gateway.adapters.catalog_snapshot import catalog_of, version_message, version_of
from pointsman.gateway.core.catalog import (
    Agent,
    Capability,
    CatalogVersion,
    Condition,
    DataClass,
    Experiment,
    ExperimentUnit,
    Location,
    ModelStatus,
    Price,
    PriceTier,
    RoutingRule,
    SessionPin,
)


def snapshot(catalog: pb.Catalog) -> pb.ConfigSnapshot:
    return pb.ConfigSnapshot(kind=pb.CONFIG_KIND_CATALOG, version=pb.ConfigVersion(epoch="e", number=3), catalog=catalog)


def least(**changes: object) -> pb.Catalog:
    """A catalogue of one model of which nothing is known."""
    made = {
        "providers": [pb.Provider(id="openai", location=pb.LOCATION_CLOUD)],
        "models": [pb.Model(id="m", provider_id="openai", upstream="up", display_name="M", status=pb.MODEL_STATUS_ACTIVE)],
        "policies": [pb.Policy(id="balanced", value_usd_per_mtok=40.0, good_enough=0.75, is_default=True)],
        **changes,
    }
    return pb.Catalog(**made)  # type: ignore[arg-type]  # named by the tests


def test_what_is_not_set_is_unknown() -> None:
    catalog = catalog_of(snapshot(least()))
    model, policy = catalog.models["m"], catalog.policies["balanced"]
    assert (catalog.version, catalog.default_policy_id) == (CatalogVersion("e", 3), "balanced")
    assert (model.price, model.quality_score, model.context_window_token_count, model.typical_latency_s) == (None, None, None, None)
    assert (dict(model.skills), model.max_output_token_count) == ({}, None)
    assert (policy.latency_value_usd_per_s, policy.max_cost_nanousd, policy.strategy, policy.data_class) == (None, None, None, None)
    assert (policy.pin_session, policy.when_unsure) == (SessionPin.TOOL_LOOP, None)


def test_a_whole_model_is_read() -> None:
    message = pb.Model(
        id="m",
        provider_id="ollama",
        upstream="up",
        display_name="M",
        status=pb.MODEL_STATUS_DEPRECATED,
        capabilities=[pb.CAPABILITY_CHAT, pb.CAPABILITY_VISION],
        context_window_token_count=4096,
        max_output_token_count=512,
        price=pb.Price(input_microusd_per_mtok=0, output_microusd_per_mtok=0),
        ability=pb.Ability(skills={"overall": 1.5}),
        quality_score=0.7,
        typical_latency=Duration(nanos=400_000_000),
        data_classes=[pb.DATA_CLASS_INTERNAL],
    )
    provider = pb.Provider(id="ollama", location=pb.LOCATION_LOCAL, data_classes=[pb.DATA_CLASS_PUBLIC])
    model = catalog_of(snapshot(least(providers=[provider], models=[message]))).models["m"]
    assert (model.provider.location, model.provider.data_classes) == (Location.LOCAL, frozenset({DataClass.PUBLIC}))
    assert (model.status, model.capabilities) == (ModelStatus.DEPRECATED, frozenset({Capability.CHAT, Capability.VISION}))
    assert (model.context_window_token_count, model.max_output_token_count, model.typical_latency_s) == (4096, 512, 0.4)
    assert (model.price == Price(0, 0, 0, 0), model.skills, model.quality_score) == (True, {"overall": 1.5}, 0.7)
    assert model.data_classes == frozenset({DataClass.INTERNAL})


def test_prices_that_are_not_told_are_those_of_plain_input() -> None:
    tier = pb.PriceTier(above_input_token_count=200_000, input_microusd_per_mtok=4, output_microusd_per_mtok=9)
    told = pb.Price(
        input_microusd_per_mtok=2,
        cached_input_microusd_per_mtok=0,
        cache_write_microusd_per_mtok=3,
        output_microusd_per_mtok=8,
        image_microusd=5,
    )
    models = [
        pb.Model(id="bare", provider_id="openai", status=pb.MODEL_STATUS_ACTIVE, price=pb.Price(input_microusd_per_mtok=2, tiers=[tier])),
        pb.Model(id="told", provider_id="openai", status=pb.MODEL_STATUS_ACTIVE, price=told),
    ]
    catalog = catalog_of(snapshot(least(models=models)))
    assert catalog.models["bare"].price == Price(2, 2, 2, 0, None, (PriceTier(200_000, 4, 4, 9),))
    assert catalog.models["told"].price == Price(2, 0, 3, 8, 5)


def test_rules_agents_and_running_experiments_are_read() -> None:
    when = pb.Condition(category="coding", difficulty="hard")
    arms = [
        pb.ExperimentArm(model_id="m", weight=1),
        pb.ExperimentArm(model_id="n", weight=1),
        pb.ExperimentArm(model_id="s", weight=1, shadow=True),
    ]
    running = pb.Experiment(id="x", status=pb.EXPERIMENT_STATUS_RUNNING, unit=pb.EXPERIMENT_UNIT_USER, arms=arms)
    catalog = catalog_of(
        snapshot(
            least(
                routing_rules=[pb.RoutingRule(task="coding", preferred_model_ids=["m"], fallback_model_ids=["n"], when=when)],
                agents=[pb.Agent(name="a", model_id="m", fallback=True, system_prompt="s")],
                experiments=[running, pb.Experiment(id="draft", status=pb.EXPERIMENT_STATUS_DRAFT)],
            )
        )
    )
    assert catalog.routing_rules == (RoutingRule("coding", ("m",), ("n",), Condition("coding", "hard")),)
    assert catalog.agents == {"a": Agent("a", None, "m", True, "s")}
    assert catalog.experiments == (Experiment("x", ExperimentUnit.USER, (("m", 1.0), ("n", 1.0))),)


BROKEN = {
    "model of no provider": least(models=[pb.Model(id="m", provider_id="none", status=pb.MODEL_STATUS_ACTIVE)]),
    "model without status": least(models=[pb.Model(id="m", provider_id="openai")]),
    "no default policy": least(policies=[pb.Policy(id="p")]),
    "two default policies": least(policies=[pb.Policy(id="p", is_default=True), pb.Policy(id="q", is_default=True)]),
}


@pytest.mark.parametrize("catalog", BROKEN.values(), ids=BROKEN)
def test_a_catalogue_that_cannot_be_used_is_refused_as_a_whole(catalog: pb.Catalog) -> None:
    with pytest.raises(ValueError, match=r"catalogue|policies"):
        catalog_of(snapshot(catalog))


def test_versions_go_and_come() -> None:
    version = CatalogVersion("e", 3)
    assert version_of(version_message(version)) == version
