"""The configuration's values in their wire form."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.registry.core.catalog import (
    Ability,
    Agent,
    Capability,
    Catalog,
    Category,
    Classification,
    Condition,
    DataClass,
    Experiment,
    ExperimentStatus,
    ExperimentUnit,
    Location,
    Model,
    ModelStatus,
    Policy,
    Price,
    PriceTier,
    Provider,
    ProviderKind,
    RoutingRule,
    SessionPin,
    Timeouts,
)
from pointsman.registry.core.snapshot import ConfigKind, Snapshot, Version
from pointsman.rules.keyword_rules import KeywordRule

CONFIG_KINDS = {ConfigKind.CATALOG: pb.CONFIG_KIND_CATALOG, ConfigKind.CLASSIFICATION: pb.CONFIG_KIND_CLASSIFICATION}
PROVIDER_KINDS = {
    ProviderKind.OPENAI: pb.PROVIDER_KIND_OPENAI,
    ProviderKind.AZURE_OPENAI: pb.PROVIDER_KIND_AZURE_OPENAI,
    ProviderKind.ANTHROPIC: pb.PROVIDER_KIND_ANTHROPIC,
    ProviderKind.GEMINI: pb.PROVIDER_KIND_GEMINI,
    ProviderKind.SCRIPTED: pb.PROVIDER_KIND_SCRIPTED,
}
LOCATIONS = {Location.LOCAL: pb.LOCATION_LOCAL, Location.CLOUD: pb.LOCATION_CLOUD}
DATA_CLASSES = {
    DataClass.PUBLIC: pb.DATA_CLASS_PUBLIC,
    DataClass.INTERNAL: pb.DATA_CLASS_INTERNAL,
    DataClass.CONFIDENTIAL: pb.DATA_CLASS_CONFIDENTIAL,
}
MODEL_STATUSES = {
    ModelStatus.ACTIVE: pb.MODEL_STATUS_ACTIVE,
    ModelStatus.DRAINING: pb.MODEL_STATUS_DRAINING,
    ModelStatus.DISABLED: pb.MODEL_STATUS_DISABLED,
    ModelStatus.DEPRECATED: pb.MODEL_STATUS_DEPRECATED,
}
CAPABILITIES = {
    Capability.CHAT: pb.CAPABILITY_CHAT,
    Capability.TOOLS: pb.CAPABILITY_TOOLS,
    Capability.JSON_SCHEMA: pb.CAPABILITY_JSON_SCHEMA,
    Capability.VISION: pb.CAPABILITY_VISION,
    Capability.STREAMING: pb.CAPABILITY_STREAMING,
    Capability.EMBEDDINGS: pb.CAPABILITY_EMBEDDINGS,
    Capability.REASONING: pb.CAPABILITY_REASONING,
    Capability.CODE: pb.CAPABILITY_CODE,
    Capability.PDF: pb.CAPABILITY_PDF,
}
SESSION_PINS = {
    SessionPin.OFF: pb.SESSION_PIN_OFF,
    SessionPin.TOOL_LOOP: pb.SESSION_PIN_TOOL_LOOP,
    SessionPin.SESSION: pb.SESSION_PIN_SESSION,
}
EXPERIMENT_STATUSES = {
    ExperimentStatus.DRAFT: pb.EXPERIMENT_STATUS_DRAFT,
    ExperimentStatus.RUNNING: pb.EXPERIMENT_STATUS_RUNNING,
    ExperimentStatus.STOPPED: pb.EXPERIMENT_STATUS_STOPPED,
}
EXPERIMENT_UNITS = {
    ExperimentUnit.REQUEST: pb.EXPERIMENT_UNIT_REQUEST,
    ExperimentUnit.SESSION: pb.EXPERIMENT_UNIT_SESSION,
    ExperimentUnit.USER: pb.EXPERIMENT_UNIT_USER,
}

K = TypeVar("K")
V = TypeVar("V")


def snapshot_message(snapshot: Snapshot) -> pb.ConfigSnapshot:
    """A snapshot as it travels."""
    message = pb.ConfigSnapshot(
        kind=CONFIG_KINDS[snapshot.kind], version=version_message(snapshot.version), create_time=timestamp(snapshot.create_time_s)
    )
    if isinstance(snapshot.content, Catalog):
        message.catalog.CopyFrom(catalog_message(snapshot.content))
    else:
        message.classification.CopyFrom(classification_message(snapshot.content))
    return message


def encode_content(content: Catalog | Classification) -> bytes:
    """A content's bytes, the same for equal contents."""
    message = catalog_message(content) if isinstance(content, Catalog) else classification_message(content)
    return message.SerializeToString(deterministic=True)


def version_message(version: Version) -> pb.ConfigVersion:
    """A version in its wire form."""
    return pb.ConfigVersion(epoch=version.epoch, number=version.number)


def timestamp(seconds: float) -> Timestamp:
    """Unix time in its wire form."""
    message = Timestamp()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def duration(seconds: float | None) -> Duration | None:
    """A duration in its wire form; None stays unset."""
    if seconds is None:
        return None
    message = Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def words(values: Iterable[K], table: Mapping[K, V]) -> list[V]:
    """Enum values in their wire form."""
    return [table[value] for value in values]


def catalog_message(catalog: Catalog) -> pb.Catalog:
    """The catalogue."""
    return pb.Catalog(
        providers=[provider_message(provider) for provider in catalog.providers.values()],
        models=[model_message(model) for model in catalog.models.values()],
        policies=[policy_message(policy) for policy in catalog.policies.values()],
        routing_rules=[routing_rule_message(rule) for rule in catalog.routing_rules],
        agents=[agent_message(agent) for agent in catalog.agents],
        experiments=[experiment_message(experiment) for experiment in catalog.experiments],
    )


def classification_message(classification: Classification) -> pb.ClassificationConfig:
    """Keyword rules and added categories."""
    return pb.ClassificationConfig(
        keyword_rules=[rule_message(rule) for rule in classification.keyword_rules],
        added_categories=[category_message(category) for category in classification.added_categories],
    )


def rule_message(rule: KeywordRule) -> pb.KeywordRule:
    """A keyword rule."""
    return pb.KeywordRule(name=rule.name, category=rule.category, pattern=rule.pattern, weight=rule.weight)


def category_message(category: Category) -> pb.Category:
    """An added category."""
    return pb.Category(name=category.name, description=category.description, examples=category.examples)


def timeouts_message(timeouts: Timeouts) -> pb.Timeouts | None:
    """Timers; None where none is set."""
    if timeouts == Timeouts():
        return None
    return pb.Timeouts(
        connect=duration(timeouts.connect_s),
        first_token=duration(timeouts.first_token_s),
        idle=duration(timeouts.idle_s),
        total=duration(timeouts.total_s),
    )


def provider_message(provider: Provider) -> pb.Provider:
    """A provider."""
    return pb.Provider(
        id=provider.id,
        kind=PROVIDER_KINDS[provider.kind],
        base_url=provider.base_url or "",
        api_key=provider.api_key or "",
        location=LOCATIONS[provider.location],
        allow_private_address=provider.allow_private_address,
        api_version=provider.api_version or "",
        timeouts=timeouts_message(provider.timeouts),
        max_in_flight=provider.max_in_flight,
        requests_per_minute=provider.requests_per_minute,
        tokens_per_minute=provider.tokens_per_minute,
        headers=provider.headers,
        tls_ca_file=provider.tls_ca_file or "",
        region=provider.region or "",
        data_classes=words(provider.data_classes, DATA_CLASSES),
    )


def model_message(model: Model) -> pb.Model:
    """A model."""
    return pb.Model(
        id=model.id,
        provider_id=model.provider_id,
        upstream=model.upstream,
        display_name=model.display_name,
        status=MODEL_STATUSES[model.status],
        capabilities=words(model.capabilities, CAPABILITIES),
        context_window_token_count=model.context_window_token_count,
        max_output_token_count=model.max_output_token_count,
        price=None if model.price is None else price_message(model.price),
        ability=None if model.ability is None else ability_message(model.ability),
        quality_score=model.quality_score,
        typical_latency=duration(model.typical_latency_s),
        timeouts=timeouts_message(model.timeouts),
        deprecation_date=model.deprecation_date or "",
        data_classes=words(model.data_classes, DATA_CLASSES),
        tags=model.tags,
    )


def price_message(price: Price) -> pb.Price:
    """Prices."""
    return pb.Price(
        input_microusd_per_mtok=price.input_microusd_per_mtok,
        cached_input_microusd_per_mtok=price.cached_input_microusd_per_mtok,
        cache_write_microusd_per_mtok=price.cache_write_microusd_per_mtok,
        output_microusd_per_mtok=price.output_microusd_per_mtok,
        image_microusd=price.image_microusd,
        tiers=[tier_message(tier) for tier in price.tiers],
    )


def tier_message(tier: PriceTier) -> pb.PriceTier:
    """Prices above a length."""
    return pb.PriceTier(
        above_input_token_count=tier.above_input_token_count,
        input_microusd_per_mtok=tier.input_microusd_per_mtok,
        cached_input_microusd_per_mtok=tier.cached_input_microusd_per_mtok,
        output_microusd_per_mtok=tier.output_microusd_per_mtok,
    )


def ability_message(ability: Ability) -> pb.Ability:
    """Abilities."""
    return pb.Ability(skills=ability.skills, source=ability.source, as_of=ability.as_of or "")


def policy_message(policy: Policy) -> pb.Policy:
    """A policy."""
    return pb.Policy(
        id=policy.id,
        value_usd_per_mtok=policy.value_usd_per_mtok,
        value_usd=policy.value_usd,
        good_enough=policy.good_enough,
        is_default=policy.is_default,
        latency_value_usd_per_s=policy.latency_value_usd_per_s,
        strategy=policy.strategy or "",
        models=policy.models,
        exclude_models=policy.exclude_models,
        local_only=policy.local_only,
        data_class=pb.DATA_CLASS_UNSPECIFIED if policy.data_class is None else DATA_CLASSES[policy.data_class],
        max_cost_nanousd=policy.max_cost_nanousd,
        min_success_probability=policy.min_success_probability,
        default_max_output_token_count=policy.default_max_output_token_count,
        pin_session=pb.SESSION_PIN_UNSPECIFIED if policy.pin_session is None else SESSION_PINS[policy.pin_session],
        when_unsure=policy.when_unsure or "",
    )


def condition_message(condition: Condition | None) -> pb.Condition | None:
    """A condition; None stays unset."""
    if condition is None:
        return None
    return pb.Condition(category=condition.category or "", difficulty=condition.difficulty or "", policy_id=condition.policy_id or "")


def routing_rule_message(rule: RoutingRule) -> pb.RoutingRule:
    """A routing rule."""
    return pb.RoutingRule(
        task=rule.task,
        preferred_model_ids=rule.preferred_model_ids,
        fallback_model_ids=rule.fallback_model_ids,
        when=condition_message(rule.when),
    )


def agent_message(agent: Agent) -> pb.Agent:
    """An agent."""
    return pb.Agent(
        name=agent.name,
        description=agent.description,
        examples=agent.examples,
        system_prompt=agent.system_prompt or "",
        tools=agent.tools,
        policy_id=agent.policy_id or "",
        model_id=agent.model_id or "",
        fallback=agent.fallback,
        handover=agent.handover,
    )


def experiment_message(experiment: Experiment) -> pb.Experiment:
    """An experiment."""
    return pb.Experiment(
        id=experiment.id,
        status=EXPERIMENT_STATUSES[experiment.status],
        unit=EXPERIMENT_UNITS[experiment.unit],
        arms=[pb.ExperimentArm(model_id=arm.model_id, weight=arm.weight, shadow=arm.shadow) for arm in experiment.arms],
        when=condition_message(experiment.when),
        metric=experiment.metric,
        start_date=experiment.start_date or "",
        max_days=experiment.max_days,
    )
