"""Which policy a request is under, and what a model's name asks for."""

import math
from dataclasses import dataclass
from enum import StrEnum

from pointsman.gateway.core.catalog import Agent, Catalog, Policy
from pointsman.gateway.core.routing_errors import InvalidPolicy, ModelNotFound

# A number u from 0 to 1 spans "cheap" (8 USD per Mtok, good enough at 0.6) to "quality" (800, 1).
CHEAPEST_VALUE_USD_PER_MTOK = 8.0
VALUE_SPAN = 100.0
CHEAPEST_GOOD_ENOUGH = 0.6
GOOD_ENOUGH_SPAN = 0.4

AUTO = "auto"
AUTO_ALIAS = "pointsman/auto"
AUTO_PREFIX = "auto:"
AGENT_PREFIX = "agent:"


class ModelNameKind(StrEnum):
    """What a model's name stands for."""

    AUTO = "auto"  # ranked
    AGENT = "agent"
    CONCRETE = "concrete"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model's name taken apart."""

    kind: ModelNameKind
    value: str | None = None  # AGENT: its name ("auto": to be found); CONCRETE: the model's id
    policy: str | None = None  # AUTO: the policy in "auto:<policy>"


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """A policy in force and the name by which it was asked for."""

    policy: Policy
    label: str


def parse_model_name(name: str | None) -> ModelName:
    """Take "auto", "auto:<policy>", "pointsman/auto", "agent:<name>" or a concrete id apart; None is "auto"."""
    if name is None or name in (AUTO, AUTO_ALIAS):
        return ModelName(ModelNameKind.AUTO)
    short = name.removeprefix("pointsman/")
    if short.startswith(AUTO_PREFIX):
        return ModelName(ModelNameKind.AUTO, policy=short.removeprefix(AUTO_PREFIX))
    if name.startswith(AGENT_PREFIX):
        return ModelName(ModelNameKind.AGENT, value=name.removeprefix(AGENT_PREFIX))
    return ModelName(ModelNameKind.CONCRETE, value=name)


def find_agent(catalog: Catalog, name: str) -> Agent:
    """The agent of that name. Raises ModelNotFound."""
    agent = catalog.agents.get(name)
    if agent is None:
        raise ModelNotFound("the agent does not exist", param="model")
    return agent


def policy_from_number(u: float) -> Policy:
    """The policy between cheap (0) and quality (1): 8 * 100^u USD per Mtok, good enough at 0.6 + 0.4 u.

    Raises InvalidPolicy outside 0 to 1.
    """
    if not (math.isfinite(u) and 0.0 <= u <= 1.0):
        raise InvalidPolicy("policy: a number is from 0 to 1", param="policy")
    return Policy(
        id=f"{u:g}",
        value_usd_per_mtok=CHEAPEST_VALUE_USD_PER_MTOK * VALUE_SPAN**u,
        good_enough=CHEAPEST_GOOD_ENOUGH + GOOD_ENOUGH_SPAN * u,
    )


def resolve_policy(
    catalog: Catalog,
    *,
    request: str | float | None = None,
    agent: str | None = None,
    key: str | None = None,
    project: str | None = None,
) -> PolicyChoice:
    """The policy of request, else agent, else key, else project, else the catalogue's default.

    Each is an id of the catalogue or a number (also as text). Raises InvalidPolicy.
    """
    for named in (request, agent, key, project):
        if named is not None and named != "":
            return PolicyChoice(_find_policy(catalog, named), f"{named:g}" if isinstance(named, int | float) else named)
    return PolicyChoice(catalog.policies[catalog.default_policy_id], catalog.default_policy_id)


def _find_policy(catalog: Catalog, named: str | float) -> Policy:
    if isinstance(named, int | float):
        return policy_from_number(float(named))
    if (policy := catalog.policies.get(named)) is not None:
        return policy
    try:
        return policy_from_number(float(named))
    except ValueError as error:
        known = ", ".join(sorted(catalog.policies))
        raise InvalidPolicy(f"policy: not one of {known}, and no number from 0 to 1", param="policy") from error
