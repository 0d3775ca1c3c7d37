"""From checked bodies to what the engine takes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from pointsman.gateway.core.request_shape import prompt_hash_input, shape_of
from pointsman.gateway.core.routing import Purpose
from pointsman.gateway.engine.routing import Order
from pointsman.gateway.ports import Account, Strategy
from pointsman.gateway.rest.authentication import caller_key_of
from pointsman.gateway.rest.checks import refuse
from pointsman.gateway.rest.inference.chat_request import check_chat_request, output_token_limit
from pointsman.gateway.rest.inference.messages import check_messages, check_prompt
from pointsman.gateway.rest.inference.provider_bodies import ProviderBody, chat_provider_body, route_provider_body
from pointsman.gateway.rest.inference.route_models import ExtensionBody, RouteBody, RoutingFields, parse
from pointsman.kit.ids import new_id
from pointsman.kit.json_body import JsonObject
from pointsman.kit.json_loader import JsonValue
from pointsman.kit.request_context import current_request_id

TIMEOUT_HEADER = "x-request-timeout"
LEAST_TIMEOUT_S, MOST_TIMEOUT_S = 1.0, 600.0
SECONDS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?")

PromptHash = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Read:
    """A request as it was read."""

    order: Order
    provider_body: ProviderBody
    stream: bool


def read_route(body: JsonObject, request: Request, account: Account, prompt_hash: PromptHash) -> Read:
    """A body of `POST /route`. Raises InvalidArgument."""
    route = parse(RouteBody, body)
    if (route.prompt is None) == (route.messages is None):
        raise refuse("prompt", "exactly one of prompt and messages is asked for")
    messages = _messages(route, body)
    if route.stream and route.mode == "recommend":
        raise refuse("stream", "a recommendation is not streamed")
    _check_decision_fields(route, names_model=route.model is not None or bool(route.models))
    provider_body = route_provider_body(route, messages)
    limit = provider_body.fields.get("max_tokens")
    order = _order(
        route,
        provider_body.fields,
        request,
        account,
        prompt_hash,
        purpose=Purpose.RECOMMEND if route.mode == "recommend" else Purpose.GENERATE,
        model=route.model,
        models=tuple(route.models),
        max_output_token_count=limit if isinstance(limit, int) else None,
        user=route.user,
    )
    return Read(order, provider_body, route.stream)


def read_chat(body: JsonObject, request: Request, account: Account, prompt_hash: PromptHash) -> Read:
    """A body of `POST /v1/chat/completions`. Raises InvalidArgument."""
    check_chat_request(body)
    given = body.get("pointsman")
    extension = parse(ExtensionBody, given, within="pointsman") if isinstance(given, dict) else ExtensionBody()
    model, models, user, choices = body.get("model"), body.get("models"), body.get("user"), body.get("n")
    model_names = tuple(str(name) for name in models) if isinstance(models, list) else ()
    _check_decision_fields(extension, names_model=bool(model_names) or model not in (None, "auto", "pointsman/auto"))
    limit = output_token_limit(body)
    fields = dict(body)
    constraints = extension.constraints
    if limit is None and constraints.max_tokens is not None:
        limit = fields["max_tokens"] = constraints.max_tokens
    if fields.get("temperature") is None and constraints.temperature is not None:
        fields["temperature"] = constraints.temperature
    order = _order(
        extension,
        fields,
        request,
        account,
        prompt_hash,
        purpose=Purpose.GENERATE,
        model=model if isinstance(model, str) else None,
        models=model_names,
        max_output_token_count=limit,
        choice_count=choices if isinstance(choices, int) else 1,
        user=user if isinstance(user, str) else None,
    )
    return Read(order, chat_provider_body(fields), body.get("stream") is True)


def asked_timeout_s(request: Request) -> float | None:
    """The deadline that the caller asks for. Raises InvalidArgument outside 1 to 600 s."""
    given = request.headers.getlist(TIMEOUT_HEADER)
    if not given:
        return None
    seconds = float(given[0]) if len(given) == 1 and SECONDS.fullmatch(given[0]) else 0.0
    if not LEAST_TIMEOUT_S <= seconds <= MOST_TIMEOUT_S:
        raise refuse(TIMEOUT_HEADER, "seconds from 1 to 600 are asked for")
    return seconds


def _messages(route: RouteBody, body: JsonObject) -> list[JsonObject]:
    """The messages, or the prompt as the only one."""
    if route.prompt is None:
        return check_messages(body["messages"])
    return [{"role": "user", "content": check_prompt(route.prompt)}]


def _check_decision_fields(fields: RoutingFields, *, names_model: bool) -> None:
    if fields.override_model is not None and fields.decision_id is None:
        raise refuse("override_model", "it is taken with decision_id alone")
    if fields.decision_id is not None and names_model:
        raise refuse("decision_id", "it is not taken together with model")


def _order(
    fields: RoutingFields,
    body: dict[str, JsonValue],
    request: Request,
    account: Account,
    prompt_hash: PromptHash,
    *,
    purpose: Purpose,
    model: str | None,
    models: tuple[str, ...],
    max_output_token_count: int | None,
    user: str | None,
    choice_count: int = 1,
) -> Order:
    key = fields.openai_api_key
    return Order(
        request_id=current_request_id() or new_id("req"),
        account=account,
        purpose=purpose,
        shape=shape_of(body),
        prompt_hash=prompt_hash(prompt_hash_input(body)),
        model=model,
        models=models,
        policy=fields.policy,
        strategy=None if fields.strategy is None else Strategy(fields.strategy),
        task_type=fields.task_type,
        constraints=fields.constraints.to_constraints(),
        max_output_token_count=max_output_token_count,
        choice_count=choice_count,
        user=user,
        decision_id=fields.decision_id,
        override_model_id=fields.override_model,
        caller_api_key=caller_key_of(request, None if key is None else key.get_secret_value()),
    )
