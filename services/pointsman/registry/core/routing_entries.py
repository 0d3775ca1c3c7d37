"""Reads what ranking goes by: policies, routing rules, agents, experiments."""

from pointsman.registry.core.catalog import (
    Agent,
    Condition,
    DataClass,
    Experiment,
    ExperimentArm,
    ExperimentStatus,
    ExperimentUnit,
    Policy,
    RoutingRule,
    SessionPin,
)
from pointsman.registry.core.document import DECIMAL, Node
from pointsman.registry.core.fields import Place, Reader, Record, list_of
from pointsman.registry.core.model_entries import MAX_TOKEN_COUNT
from pointsman.registry.core.values import NANOUSD_PER_USD, choice, day, flag, integer, money, name, number, one_of, text

MAX_VALUE_USD = 1e9
MAX_COST_USD = 1_000_000
MAX_WEIGHT = 1e6
MAX_DAYS = 3_650
MAX_PATTERN_COUNT = 1_000
MAX_MODEL_COUNT = 100
MAX_CACHE_TTL_S = 31_536_000
SHORT_NAME_LENGTH = 64
DIFFICULTIES = ("easy", "medium", "hard")
STRATEGIES = ("rules", "similarity", "hybrid", "features", "bert", "llm")
AUTO = "auto"

# Used where a file names no policy.
BUILT_IN_POLICIES = (
    Policy("cheap", value_usd_per_mtok=8, good_enough=0.6),
    Policy("balanced", value_usd_per_mtok=40, good_enough=0.75, is_default=True),
    Policy("quality", value_usd_per_mtok=800, good_enough=1.0),
)


def read_policy_id(node: Node, place: Place) -> str:
    """Read a policy's name; one that reads as a number would be taken for a point between cheap and quality."""
    policy_id = name(max_length=SHORT_NAME_LENGTH)(node, place)
    if DECIMAL.fullmatch(policy_id):
        place.refuse("must not be a number")
    return policy_id


def read_policy(policy_id: str, node: Node, place: Place) -> Policy:
    """Read the policy of that name."""
    record = Record(node, place)
    patterns = list_of(name(), max_count=MAX_PATTERN_COUNT)
    policy = Policy(
        id=policy_id,
        value_usd_per_mtok=record.required("value_usd_per_mtok", number(0, MAX_VALUE_USD), instead=0.0),
        good_enough=record.optional("good_enough", number(0, 1), 1.0),
        is_default=record.optional("default", flag, default=False),
        value_usd=record.optional("value_usd", number(0, MAX_VALUE_USD), 0.0),
        latency_value_usd_per_s=record.optional("latency_value_usd_per_s", number(0, MAX_VALUE_USD)),
        strategy=record.optional("strategy", one_of(*STRATEGIES)),
        models=record.optional("models", patterns, ()),
        exclude_models=record.optional("exclude_models", patterns, ()),
        local_only=record.optional("local_only", flag, default=False),
        data_class=record.optional("data_class", choice(DataClass)),
        max_cost_nanousd=record.optional("max_cost_usd", money(units_per_usd=NANOUSD_PER_USD, maximum_usd=MAX_COST_USD)),
        min_success_probability=record.optional("min_success_probability", number(0, 1)),
        default_max_output_token_count=record.optional("default_max_output_tokens", integer(1, MAX_TOKEN_COUNT)),
        pin_session=record.optional("pin_session", choice(SessionPin)),
        when_unsure=record.optional("when_unsure", _other_policy_than(policy_id)),
    )
    if record.optional("cache", _check_cache, default=False):
        place.report.inactive.append("policies.cache")
    if policy.pin_session not in {None, SessionPin.OFF}:
        place.report.inactive.append("policies.pin_session")
    record.close()
    return policy


def _check_cache(node: Node, place: Place) -> bool:
    """Check a cache's settings; true where it is on."""
    record = Record(node, place)
    mode = record.required("mode", one_of("off", "exact"), instead="off")
    record.optional("ttl_s", number(0, MAX_CACHE_TTL_S, above=True))
    record.close()
    return mode != "off"


def read_routing_rule(node: Node, place: Place) -> RoutingRule:
    """Read a routing rule. A model that does not exist is only warned of: the rule waits for it."""
    record = Record(node, place)
    models = list_of(read_model_reference, max_count=MAX_MODEL_COUNT)
    rule = RoutingRule(
        task=record.required("task", name(), instead=""),
        preferred_model_ids=record.required("preferred", models, instead=()),
        fallback_model_ids=record.optional("fallback", models, ()),
        when=record.optional("when", _read_condition),
    )
    record.close()
    return rule


def read_agent(node: Node, place: Place) -> Agent:
    """Read an agent."""
    record = Record(node, place)
    prose = text(allow_lines=True)
    agent = Agent(
        name=record.required("name", _read_agent_name, instead=""),
        description=record.required("description", prose, instead=""),
        examples=record.optional("examples", list_of(prose, max_count=1_000), ()),
        system_prompt=record.optional("system_prompt", prose),
        tools=record.optional("tools", list_of(name(), max_count=128), ()),
        policy_id=record.optional("policy", _read_policy_reference),
        model_id=record.optional("model", read_model_reference),
        fallback=record.optional("fallback", flag, default=False),
        handover=record.optional("handover", list_of(_read_agent_reference, max_count=128), ()),
    )
    record.close()
    _note_inactive(place, "agents", examples=agent.examples, tools=agent.tools, handover=agent.handover)
    return agent


def read_experiment(node: Node, place: Place) -> Experiment:
    """Read an experiment."""
    record = Record(node, place)
    experiment = Experiment(
        id=record.required("id", name(max_length=SHORT_NAME_LENGTH), instead=""),
        status=record.required("status", choice(ExperimentStatus), instead=ExperimentStatus.DRAFT),
        unit=record.optional("unit", choice(ExperimentUnit), ExperimentUnit.REQUEST),
        arms=record.required("arms", _read_arms, instead=()),
        metric=record.optional("metric", name(), "feedback"),
        when=record.optional("when", _read_condition),
        start_date=record.optional("start", day),
        max_days=record.optional("stop", _read_stop),
    )
    record.close()
    shadows = tuple(arm for arm in experiment.arms if arm.shadow)
    _note_inactive(place, "experiments", shadow=shadows, start=experiment.start_date, stop=experiment.max_days)
    return experiment


def _read_arms(node: Node, place: Place) -> tuple[ExperimentArm, ...]:
    arms = list_of(_read_arm, max_count=MAX_MODEL_COUNT)(node, place)
    shown = [arm for arm in arms if not arm.shadow]
    if len(shown) < 2 or sum(arm.weight for arm in shown) <= 0:
        place.refuse("must have at least two arms that are no shadows, not all of weight 0")
    if len({arm.model_id for arm in arms}) < len(arms):
        place.refuse("must name each model once")
    return arms


def _read_arm(node: Node, place: Place) -> ExperimentArm:
    record = Record(node, place)
    arm = ExperimentArm(
        model_id=record.required("model", read_model_reference, instead=""),
        weight=record.required("weight", number(0, MAX_WEIGHT), instead=1.0),
        shadow=record.optional("shadow", flag, default=False),
    )
    record.close()
    return arm


def _read_stop(node: Node, place: Place) -> int:
    record = Record(node, place)
    max_days = record.required("max_days", integer(1, MAX_DAYS), instead=1)
    record.close()
    return max_days


def _read_condition(node: Node, place: Place) -> Condition:
    record = Record(node, place)
    condition = Condition(
        category=record.optional("category", _read_category_reference),
        difficulty=record.optional("difficulty", one_of(*DIFFICULTIES)),
        policy_id=record.optional("policy", _read_policy_reference),
    )
    record.close()
    return condition


def _read_agent_name(node: Node, place: Place) -> str:
    agent_name = name(max_length=SHORT_NAME_LENGTH)(node, place)
    if agent_name.lower() == AUTO:
        place.refuse("is a reserved name: agent:auto finds an agent")
    return agent_name


def read_model_reference(node: Node, place: Place) -> str:
    """Read a model's id. One that does not exist is only warned of."""
    return _read_reference("model", node, place)


def _other_policy_than(policy_id: str) -> Reader[str]:
    """Reads the name of another policy."""

    def read(node: Node, place: Place) -> str:
        target = _read_policy_reference(node, place)
        if target == policy_id:
            place.refuse("must name another policy than this one")
        return target

    return read


def _read_policy_reference(node: Node, place: Place) -> str:
    return _read_reference("policy", node, place)


def _read_category_reference(node: Node, place: Place) -> str:
    return _read_reference("category", node, place)


def _read_agent_reference(node: Node, place: Place) -> str:
    return _read_reference("agent", node, place)


def _read_reference(kind: str, node: Node, place: Place) -> str:
    target = name()(node, place)
    place.refer(kind, target)
    return target


def _note_inactive(place: Place, section: str, **parts: object) -> None:
    """Remember which fields are in use that nothing acts on yet."""
    place.report.inactive += [f"{section}.{field}" for field, value in parts.items() if value]
