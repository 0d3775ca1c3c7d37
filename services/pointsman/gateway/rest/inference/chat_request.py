"""Checks a body of `POST /v1/chat/completions`. Standard fields are checked, unknown ones pass, control fields are refused."""

from collections.abc import Callable, Mapping

from pointsman.gateway.rest.checks import (
    check_boolean,
    check_integer,
    check_list,
    check_model_name,
    check_number,
    check_object,
    check_size,
    check_text,
    refuse,
)
from pointsman.gateway.rest.inference.messages import check_messages
from pointsman.gateway.rest.inference.route_models import MAX_TOKENS
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject
from pointsman.kit.json_loader import JsonValue

MAX_CHOICES = 8
MAX_TOOLS = 128
MAX_SCHEMA_BYTES = 64 << 10
MAX_SCHEMA_DEPTH = 16
MAX_STOPS = 16
MAX_STOP_CHARACTERS = 1_024
MAX_BIASES = 1_024
MAX_MODELS = 16
MAX_METADATA = 16
MAX_METADATA_NAME = 64
MAX_METADATA_VALUE = 512
MAX_USER = 512
INT64_MAX = 2**63 - 1

# What would choose an address, a credential, a provider or a mock is the operator's to set.
CONTROL_FIELDS = frozenset(
    {
        "allowed_openai_params", "api_base", "api_key", "api_type", "api_version", "authorization", "base_url", "client",
        "credentials", "custom_llm_provider", "default_headers", "deployment_id", "drop_params", "extra_body", "extra_headers",
        "extra_query", "fallbacks", "headers", "http_client", "input_cost_per_token", "model_list", "num_retries",
        "openai_api_key", "organization", "output_cost_per_token", "provider", "proxies", "region_name", "route",
        "ssl_verify", "timeout",
    }
)  # fmt: skip
CONTROL_PREFIXES = ("aws_", "azure_", "litellm_", "mock_", "vertex_")


def check_chat_request(body: JsonObject) -> None:
    """Raise InvalidArgument for the first field that cannot be taken."""
    for name in body:
        refuse_control(name)
    if body.get("model") is None and not body.get("models"):
        raise refuse("model", "a name is asked for, such as auto")
    check_messages(body.get("messages"))
    for name, check in CHECKS.items():
        if (value := body.get(name)) is not None:
            check(value, name)
    if body.get("stream_options") is not None and not body.get("stream"):
        raise refuse("stream_options", "it is taken with stream alone")


def refuse_control(name: str) -> None:
    """Refuse control fields, and known ones in other letter case, which parsers read differently."""
    folded = name.lower()
    if folded in CONTROL_FIELDS or folded.startswith(CONTROL_PREFIXES):
        raise InvalidArgument("unknown_field", "the body has a field that is not the caller's to set")
    if folded != name and (folded in CHECKS or folded in ("messages", "pointsman")):
        raise InvalidArgument("unknown_field", f"{folded}: it is written in lower case", param=folded)


def output_token_limit(body: JsonObject) -> int | None:
    """The least of the limits that the body names."""
    limits = [value for name in ("max_tokens", "max_completion_tokens") if isinstance(value := body.get(name), int)]
    return min(limits, default=None)


def _check_models(value: JsonValue, param: str) -> None:
    for entry in check_list(value, param, most=MAX_MODELS):
        check_model_name(entry, param)


def _check_stop(value: JsonValue, param: str) -> None:
    entries = [value] if isinstance(value, str) else check_list(value, param, most=MAX_STOPS)
    for entry in entries:
        check_text(entry, param, most_characters=MAX_STOP_CHARACTERS)


def _check_logit_bias(value: JsonValue, param: str) -> None:
    biases = check_object(value, param)
    if len(biases) > MAX_BIASES:
        raise refuse(param, f"at most {MAX_BIASES} entries are taken")
    for token, bias in biases.items():
        if not (token.isascii() and token.isdigit()):
            raise refuse(param, "tokens are named by whole numbers")
        check_number(bias, param, least=-100, most=100)


def _check_tools(value: JsonValue, param: str) -> None:
    tools = check_list(value, param, most=MAX_TOOLS)
    check_size(tools, param, most_bytes=MAX_SCHEMA_BYTES, most_depth=MAX_SCHEMA_DEPTH)
    for index, tool in enumerate(tools):
        check_object(tool, f"{param}[{index}]")


def _check_response_format(value: JsonValue, param: str) -> None:
    response_format = check_object(value, param)
    check_text(response_format.get("type"), f"{param}.type", most_characters=MAX_METADATA_NAME)
    check_size(value, param, most_bytes=MAX_SCHEMA_BYTES, most_depth=MAX_SCHEMA_DEPTH)


def _check_metadata(value: JsonValue, param: str) -> None:
    metadata = check_object(value, param)
    if len(metadata) > MAX_METADATA:
        raise refuse(param, f"at most {MAX_METADATA} names are taken")
    for name, entry in metadata.items():
        if len(name) > MAX_METADATA_NAME:
            raise refuse(param, f"names have at most {MAX_METADATA_NAME} characters")
        check_text(entry, param, most_characters=MAX_METADATA_VALUE)


def _check_stream_options(value: JsonValue, param: str) -> None:
    include_usage = check_object(value, param).get("include_usage")
    if include_usage is not None:
        check_boolean(include_usage, f"{param}.include_usage")


def _check_max_tokens(value: JsonValue, param: str) -> None:
    check_integer(value, param, least=1, most=MAX_TOKENS)


def _check_penalty(value: JsonValue, param: str) -> None:
    check_number(value, param, least=-2, most=2)


# By field; null counts as absent.
CHECKS: Mapping[str, Callable[[JsonValue, str], object]] = {
    "model": check_model_name,
    "models": _check_models,
    "n": lambda value, param: check_integer(value, param, least=1, most=MAX_CHOICES),
    "max_tokens": _check_max_tokens,
    "max_completion_tokens": _check_max_tokens,
    "temperature": lambda value, param: check_number(value, param, least=0, most=2),
    "top_p": lambda value, param: check_number(value, param, least=0, most=1),
    "presence_penalty": _check_penalty,
    "frequency_penalty": _check_penalty,
    "logit_bias": _check_logit_bias,
    "stop": _check_stop,
    "seed": lambda value, param: check_integer(value, param, least=-INT64_MAX - 1, most=INT64_MAX),
    "stream": check_boolean,
    "stream_options": _check_stream_options,
    "tools": _check_tools,
    "functions": _check_tools,
    "response_format": _check_response_format,
    "user": lambda value, param: check_text(value, param, most_characters=MAX_USER),
    "metadata": _check_metadata,
    "pointsman": check_object,
}
