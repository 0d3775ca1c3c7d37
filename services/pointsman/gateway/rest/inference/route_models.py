"""What `POST /route` takes, and the object `pointsman` of the OpenAI API: strict, unknown fields refused."""

from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from pointsman.gateway.core.catalog import Capability, DataClass
from pointsman.gateway.core.money import NANOUSD_PER_USD
from pointsman.gateway.core.routing import Constraints
from pointsman.gateway.rest.checks import refuse
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject

MAX_USD = 1_000_000.0
MAX_TOKENS = 2**31 - 1
MAX_LATENCY_MS = 3_600_000.0

Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\s\x00-\x20\x7f-\x9f]+$")]
Names = Annotated[list[Name], Field(max_length=256)]
Usd = Annotated[float, Field(ge=0, le=MAX_USD, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
TokenLimit = Annotated[int, Field(ge=1, le=MAX_TOKENS)]
Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
CallerKey = Annotated[SecretStr, Field(min_length=1, max_length=512)]
CapabilityName = Literal["chat", "tools", "json_schema", "vision", "streaming", "embeddings", "reasoning", "code", "pdf"]
Metadata = Annotated[dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)]
StrategyName = Literal["rules", "similarity", "hybrid", "features", "bert", "llm"]
# Fields that the API has and that nothing here acts on yet: to take one in silence would be a promise.
INACTIVE_FIELDS = frozenset({"cache", "conversation_id", "priority"})


class StrictModel(BaseModel):
    """No unknown field, no converted type, no input in its errors. Null counts as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def drop_nulls(cls, value: object) -> object:
        """Leave out what is null, as clients write what they do not set."""
        if not isinstance(value, dict):
            return value
        return {name: field for name, field in value.items() if field is not None or name not in cls.model_fields}


class ConstraintsBody(StrictModel):
    """What the caller allows. Absent: anything."""

    max_tokens: TokenLimit | None = Field(default=None, description="Most completion tokens")
    temperature: Temperature | None = Field(default=None, description="Sent to the model")
    max_cost_usd: Usd | None = Field(default=None, description="Most that the request may cost")
    budget_limit: Usd | None = Field(default=None, description="The same as max_cost_usd")
    max_latency_ms: Annotated[float, Field(gt=0, le=MAX_LATENCY_MS, allow_inf_nan=False)] | None = Field(
        default=None, description="Longest expected time to the last token"
    )
    min_success_probability: Probability | None = Field(default=None, description="Least chance that a model answers well")
    models: Names = Field(default_factory=list, description='Models that may answer, with "*" wildcards')
    exclude_models: Names = Field(default_factory=list, description='Models that may not, with "*" wildcards')
    providers: Names = Field(default_factory=list, description='Providers that may answer, with "*" wildcards')
    exclude_providers: Names = Field(default_factory=list, description='Providers that may not, with "*" wildcards')
    capabilities: list[CapabilityName] = Field(default_factory=list, description="What the model must be able to do")
    local_only: bool = Field(default=False, description="Only models on the operator's own machines")
    data_class: Literal["public", "internal", "confidential"] | None = Field(default=None, description="Sensitivity of the prompt")
    max_fallback_cost_usd: Usd | None = Field(default=None, description="Most that a fallback may cost")
    max_attempts: Annotated[int, Field(ge=1, le=3)] = Field(default=3, description="Most calls of providers")

    def to_constraints(self) -> Constraints:
        """The same for ranking. Raises InvalidArgument where the two names of the cost limit disagree."""
        if self.max_cost_usd is not None and self.budget_limit is not None and self.max_cost_usd != self.budget_limit:
            raise refuse("constraints.budget_limit", "it is another name of max_cost_usd, and differs from it")
        max_cost_usd = self.max_cost_usd if self.max_cost_usd is not None else self.budget_limit
        return Constraints(
            models=tuple(self.models),
            exclude_models=tuple(self.exclude_models),
            providers=tuple(self.providers),
            exclude_providers=tuple(self.exclude_providers),
            capabilities=frozenset(Capability(name) for name in self.capabilities),
            local_only=self.local_only,
            data_class=None if self.data_class is None else DataClass[self.data_class.upper()],
            max_cost_nanousd=nanousd_of(max_cost_usd),
            max_latency_s=None if self.max_latency_ms is None else self.max_latency_ms / 1_000.0,
            min_success_probability=self.min_success_probability,
            max_fallback_cost_nanousd=nanousd_of(self.max_fallback_cost_usd),
            max_attempts=self.max_attempts,
        )


class RoutingFields(StrictModel):
    """What both `/route` and the object `pointsman` take."""

    policy: Name | Probability | None = Field(default=None, description="Name of a policy, or a number from 0 (cheap) to 1 (quality)")
    constraints: ConstraintsBody = Field(default_factory=ConstraintsBody)
    task_type: Name | None = Field(default=None, description="Overrides the category")
    strategy: StrategyName | None = Field(default=None, description="How the prompt is classified; absent: as the policy says")
    decision_id: Name | None = Field(default=None, description="A decision of the last hour, to be run as it is")
    override_model: Name | None = Field(default=None, description="Another candidate of that decision")
    openai_api_key: CallerKey | None = Field(default=None, description="The caller's own key, for provider `openai` alone; never stored")


class ExtensionBody(RoutingFields):
    """The object `pointsman` in a body of the OpenAI API."""


class RouteBody(RoutingFields):
    """Body of `POST /route`. Exactly one of prompt and messages is set."""

    prompt: str | None = Field(default=None, description="The prompt as text, at most 1,000,000 characters")
    messages: list[dict[str, Any]] | None = Field(default=None, description="The prompt as OpenAI messages")
    mode: Literal["recommend", "generate"] = Field(default="generate", description="Decide only, or answer too")
    model: Name | None = Field(default=None, description="A concrete model, auto, auto:<policy> or agent:<name>")
    models: Names = Field(default_factory=list, description="Models in order: no ranking, everything else applies")
    stream: bool = Field(default=False, description="Answer as server-sent events")
    temperature: Temperature | None = Field(default=None, description="Wins over that of constraints")
    max_tokens: TokenLimit | None = Field(default=None, description="Wins over that of constraints")
    user: Annotated[str, Field(max_length=512)] | None = Field(default=None, description="The caller's name for his user")
    metadata: Metadata = Field(default_factory=dict, description="At most 16 names with values; not sent on")


# Where pydantic's own words would puzzle: of a field that takes two kinds of value, and of some mistakes.
FIELD_EXPECTATIONS = {"policy": "a policy's name, or a number from 0 to 1, is asked for"}
EXPECTATIONS = {
    "string_pattern_mismatch": "a name of 1 to 256 characters without blanks is asked for",
    "too_long": "it has more entries than are taken",
    "model_type": "an object is asked for",
}

Model = TypeVar("Model", bound=StrictModel)


def parse(model: type[Model], value: JsonObject, *, within: str | None = None) -> Model:
    """The checked body. within: the field that it stands in. Raises InvalidArgument "unknown_field" or "invalid_value"."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise _refusal(problem["type"], problem["msg"], [str(part) for part in problem["loc"]], model, within) from None


def _refusal(kind: str, message: str, location: list[str], model: type[StrictModel], within: str | None) -> InvalidArgument:
    """Names fields of ours alone: the name of an unknown one is the caller's text."""
    known = _known_part(location, model)
    param = ".".join([*([within] if within else []), *known]) or None
    if kind == "extra_forbidden" and len(location) == 1 and location[0] in INACTIVE_FIELDS:
        param = ".".join([*([within] if within else []), location[0]])
        return InvalidArgument("unknown_field", f"{param}: this version does not act on it", param=param)
    if kind == "extra_forbidden":
        return InvalidArgument("unknown_field", f"{param or 'body'}: it has a field that is not known", param=param)
    expectation = FIELD_EXPECTATIONS.get(".".join(known)) or EXPECTATIONS.get(kind) or f"{message[:1].lower()}{message[1:]}"
    return InvalidArgument("invalid_value", f"{param or 'body'}: {expectation}", param=param)


def _known_part(location: list[str], model: type[StrictModel]) -> list[str]:
    """The location up to the last of our own names; branches of unions and indices are left out."""
    if not location or location[0] not in model.model_fields:
        return []
    if location[0] == "constraints":
        return ["constraints", *_known_part(location[1:], ConstraintsBody)]
    return [location[0]]


def nanousd_of(usd: float | None) -> int | None:
    """Nano-dollars of an amount as it was written, rounded down: a limit is never raised."""
    return None if usd is None else int((Decimal(repr(usd)) * NANOUSD_PER_USD).to_integral_value(ROUND_FLOOR))
