"""The registry's catalogue, from its wire form to the gateway's."""

from google.protobuf.duration_pb2 import Duration

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.gateway.core.catalog import (
    Agent,
    Capability,
    Catalog,
    CatalogVersion,
    Condition,
    DataClass,
    Experiment,
    ExperimentUnit,
    Location,
    Model,
    ModelStatus,
    Policy,
    Price,
    PriceTier,
    Provider,
    RoutingRule,
    SessionPin,
)

LOCATIONS = {pb.LOCATION_LOCAL: Location.LOCAL, pb.LOCATION_CLOUD: Location.CLOUD}
STATUSES = {
    pb.MODEL_STATUS_ACTIVE: ModelStatus.ACTIVE,
    pb.MODEL_STATUS_DRAINING: ModelStatus.DRAINING,
    pb.MODEL_STATUS_DISABLED: ModelStatus.DISABLED,
    pb.MODEL_STATUS_DEPRECATED: ModelStatus.DEPRECATED,
}
CAPABILITIES = {
    pb.CAPABILITY_CHAT: Capability.CHAT,
    pb.CAPABILITY_TOOLS: Capability.TOOLS,
    pb.CAPABILITY_JSON_SCHEMA: Capability.JSON_SCHEMA,
    pb.CAPABILITY_VISION: Capability.VISION,
    pb.CAPABILITY_STREAMING: Capability.STREAMING,
    pb.CAPABILITY_EMBEDDINGS: Capability.EMBEDDINGS,
    pb.CAPABILITY_REASONING: Capability.REASONING,
    pb.CAPABILITY_CODE: Capability.CODE,
    pb.CAPABILITY_PDF: Capability.PDF,
}
DATA_CLASSES = {
    pb.DATA_CLASS_PUBLIC: DataClass.PUBLIC,
    pb.DATA_CLASS_INTERNAL: DataClass.INTERNAL,
    pb.DATA_CLASS_CONFIDENTIAL: DataClass.CONFIDENTIAL,
}
SESSION_PINS = {
    pb.SESSION_PIN_UNSPECIFIED: SessionPin.TOOL_LOOP,
    pb.SESSION_PIN_OFF: SessionPin.OFF,
    pb.SESSION_PIN_TOOL_LOOP: SessionPin.TOOL_LOOP,
    pb.SESSION_PIN_SESSION: SessionPin.SESSION,
}
UNITS = {
    pb.EXPERIMENT_UNIT_REQUEST: ExperimentUnit.REQUEST,
    pb.EXPERIMENT_UNIT_SESSION: ExperimentUnit.SESSION,
    pb.EXPERIMENT_UNIT_USER: ExperimentUnit.USER,
}


def catalog_of(snapshot: pb.ConfigSnapshot) -> Catalog:
    """The catalogue of a snapshot. Raises ValueError where it cannot be used as a whole."""
    message = snapshot.catalog
    providers = {provider.id: _provider(provider) for provider in message.providers}
    policies = {policy.id: _policy(policy) for policy in message.policies}
    defaults = [policy.id for policy in message.policies if policy.is_default]
    if len(defaults) != 1:
        raise ValueError(f"policies: exactly one is the default, not {len(defaults)}")
    try:
        models = {model.id: _model(model, providers[model.provider_id]) for model in message.models}
        return Catalog(
            version=version_of(snapshot.version),
            models=models,
            policies=policies,
            default_policy_id=defaults[0],
            routing_rules=tuple(_routing_rule(rule) for rule in message.routing_rules),
            agents={agent.name: _agent(agent) for agent in message.agents},
            experiments=tuple(_experiment(one) for one in message.experiments if one.status == pb.EXPERIMENT_STATUS_RUNNING),
        )
    except KeyError as error:
        raise ValueError(f"catalogue: {error.args[0]!r} is not known here") from error


def version_of(version: pb.ConfigVersion) -> CatalogVersion:
    """A version from its wire form."""
    return CatalogVersion(version.epoch, version.number)


def version_message(version: CatalogVersion) -> pb.ConfigVersion:
    """A version in its wire form."""
    return pb.ConfigVersion(epoch=version.epoch, number=version.number)


def seconds_of(duration: Duration) -> float:
    """A duration in seconds."""
    return float(duration.seconds) + duration.nanos / 1e9


def _provider(message: pb.Provider) -> Provider:
    classes = frozenset(DATA_CLASSES[data_class] for data_class in message.data_classes)
    return Provider(message.id, LOCATIONS.get(message.location, Location.CLOUD), classes)


def _model(message: pb.Model, provider: Provider) -> Model:
    return Model(
        id=message.id,
        provider=provider,
        display_name=message.display_name,
        status=STATUSES[message.status],
        upstream=message.upstream,
        # A capability of a newer registry is none that a request could ask for here.
        capabilities=frozenset(CAPABILITIES[capability] for capability in message.capabilities if capability in CAPABILITIES),
        context_window_token_count=message.context_window_token_count if message.HasField("context_window_token_count") else None,
        max_output_token_count=message.max_output_token_count if message.HasField("max_output_token_count") else None,
        price=_price(message.price) if message.HasField("price") else None,
        skills=dict(message.ability.skills),
        quality_score=message.quality_score if message.HasField("quality_score") else None,
        typical_latency_s=seconds_of(message.typical_latency) if message.HasField("typical_latency") else None,
        data_classes=frozenset(DATA_CLASSES[data_class] for data_class in message.data_classes),
    )


def _price(message: pb.Price) -> Price:
    """Prices that are not told are those of plain input."""
    base = message.input_microusd_per_mtok
    return Price(
        input_microusd_per_mtok=base,
        cached_input_microusd_per_mtok=(
            message.cached_input_microusd_per_mtok if message.HasField("cached_input_microusd_per_mtok") else base
        ),
        cache_write_microusd_per_mtok=message.cache_write_microusd_per_mtok if message.HasField("cache_write_microusd_per_mtok") else base,
        output_microusd_per_mtok=message.output_microusd_per_mtok,
        image_microusd=message.image_microusd if message.HasField("image_microusd") else None,
        tiers=tuple(_tier(tier) for tier in message.tiers),
    )


def _tier(message: pb.PriceTier) -> PriceTier:
    base = message.input_microusd_per_mtok
    cached = message.cached_input_microusd_per_mtok if message.HasField("cached_input_microusd_per_mtok") else base
    return PriceTier(message.above_input_token_count, base, cached, message.output_microusd_per_mtok)


def _policy(message: pb.Policy) -> Policy:
    default_limit = message.default_max_output_token_count if message.HasField("default_max_output_token_count") else None
    return Policy(
        id=message.id,
        value_usd_per_mtok=message.value_usd_per_mtok,
        good_enough=message.good_enough,
        value_usd=message.value_usd,
        latency_value_usd_per_s=message.latency_value_usd_per_s if message.HasField("latency_value_usd_per_s") else None,
        strategy=message.strategy or None,
        models=tuple(message.models),
        exclude_models=tuple(message.exclude_models),
        local_only=message.local_only,
        data_class=DATA_CLASSES.get(message.data_class),
        max_cost_nanousd=message.max_cost_nanousd if message.HasField("max_cost_nanousd") else None,
        min_success_probability=message.min_success_probability if message.HasField("min_success_probability") else None,
        default_max_output_token_count=default_limit,
        pin_session=SESSION_PINS[message.pin_session],
        when_unsure=message.when_unsure or None,
    )


def _condition(message: pb.Condition) -> Condition:
    return Condition(message.category or None, message.difficulty or None, message.policy_id or None)


def _routing_rule(message: pb.RoutingRule) -> RoutingRule:
    return RoutingRule(message.task, tuple(message.preferred_model_ids), tuple(message.fallback_model_ids), _condition(message.when))


def _agent(message: pb.Agent) -> Agent:
    return Agent(message.name, message.policy_id or None, message.model_id or None, message.fallback, message.system_prompt or None)


def _experiment(message: pb.Experiment) -> Experiment:
    arms = tuple((arm.model_id, arm.weight) for arm in message.arms if not arm.shadow)
    return Experiment(message.id, UNITS[message.unit], arms, _condition(message.when))
