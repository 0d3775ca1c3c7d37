"""The body that is asked of a provider, in OpenAI's form."""

from dataclasses import dataclass, field

from pointsman.gateway.rest.inference.route_models import RouteBody
from pointsman.kit.json_body import JsonObject
from pointsman.kit.json_loader import JsonValue, dump_json

# Ours: they mean nothing to a provider.
OWN_FIELDS = ("pointsman", "models")


@dataclass(frozen=True, slots=True)
class ProviderBody:
    """A chat completions body without our own fields. Implements the engine's Body."""

    fields: dict[str, JsonValue] = field(repr=False)

    def render(self, *, system_prompt: str | None, output_token_limit: int | None) -> bytes:
        """The JSON, with a system message put first and the completion held to a limit where given."""
        fields = dict(self.fields)
        if system_prompt is not None:
            messages = fields["messages"]
            fields["messages"] = [{"role": "system", "content": system_prompt}, *(messages if isinstance(messages, list) else [])]
        if output_token_limit is not None:
            name = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
            fields[name] = output_token_limit
        return dump_json(fields)


def chat_provider_body(body: JsonObject) -> ProviderBody:
    """Everything that the client sent, but what is ours."""
    return ProviderBody({name: value for name, value in body.items() if name not in OWN_FIELDS})


def route_provider_body(route: RouteBody, messages: list[JsonObject]) -> ProviderBody:
    """What `/route` asks for. Top-level limits win over those of the constraints."""
    fields: dict[str, JsonValue] = {"messages": [*messages]}
    max_tokens = route.max_tokens if route.max_tokens is not None else route.constraints.max_tokens
    temperature = route.temperature if route.temperature is not None else route.constraints.temperature
    sampling = {"max_tokens": max_tokens, "temperature": temperature, "user": route.user}
    return ProviderBody({**fields, **{name: value for name, value in sampling.items() if value is not None}})
