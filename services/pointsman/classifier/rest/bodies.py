"""What the REST facade takes: strict, unknown fields refused."""

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject

StrategyName = Literal["rules", "similarity", "hybrid", "features", "bert"]


class StrictBody(BaseModel):
    """No unknown field, no converted type, no input in its errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    strategy: StrategyName | None = Field(default=None, description="How to classify; absent: hybrid")


class ClassifyBody(StrictBody):
    """Body of `POST /classify`."""

    prompt: str = Field(description="The prompt, 1 to 1,000,000 characters")


class ClassifyBatchBody(StrictBody):
    """Body of `POST /classify/batch`."""

    prompts: list[str] = Field(description="1 to 64 prompts")


Body = TypeVar("Body", bound=StrictBody)


def parse(body: type[Body], value: JsonObject) -> Body:
    """The checked body. Raises InvalidArgument "unknown_field" or "invalid_value"; it names fields of ours alone."""
    try:
        return body.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        kind, name, *index = problem["type"], *problem["loc"]
    if kind == "extra_forbidden":  # its name is the caller's text
        raise InvalidArgument("unknown_field", "body: it has a field that is not known; /docs shows those that are")
    param = str(name) + "".join(f"[{part}]" for part in index)
    raise InvalidArgument("invalid_value", f"{param}: {problem['msg'][:1].lower()}{problem['msg'][1:]}", param=param)
