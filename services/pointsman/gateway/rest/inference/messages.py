"""Checks OpenAI messages as far as the gateway depends on them; what it does not read is the provider's to judge."""

from pointsman.gateway.rest.checks import check_list, check_object, check_text, refuse
from pointsman.gateway.rest.inference.image_addresses import may_be_passed_on
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject
from pointsman.kit.json_loader import JsonValue

MAX_MESSAGES = 2_048
MAX_PARTS = 256
MAX_PROMPT_CHARACTERS = 1_000_000
MAX_TYPE_CHARACTERS = 64
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
ASSISTANT = "assistant"
MAX_TOOL_CALLS = 128
MESSAGE_FIELDS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "audio"})
PART_FIELDS = frozenset({"type", "text", "image_url", "input_audio", "file", "refusal"})
IMAGE_FIELDS = frozenset({"url", "detail"})
# What an assistant may say instead of text.
INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")


def check_messages(value: JsonValue, param: str = "messages") -> list[JsonObject]:
    """The messages. Raises InvalidArgument "invalid_value", or "context_length_exceeded" for too long a prompt."""
    messages = [
        _check_message(message, f"{param}[{index}]") for index, message in enumerate(check_list(value, param, least=1, most=MAX_MESSAGES))
    ]
    character_count, is_empty = 0, True
    for message in messages:
        character_count += _character_count(message)
        is_empty = is_empty and not _says_something(message)
    check_prompt_length(character_count, param)
    if is_empty:
        raise refuse(param, "they say nothing")
    return messages


def check_prompt(value: JsonValue) -> str:
    """A prompt in plain text."""
    if not isinstance(value, str) or not value.strip():
        raise refuse("prompt", "a string that says something is asked for")
    check_prompt_length(len(value), "prompt")
    return value


def check_prompt_length(character_count: int, param: str) -> None:
    """Raise InvalidArgument "context_length_exceeded" for more than a million characters."""
    if character_count > MAX_PROMPT_CHARACTERS:
        raise InvalidArgument("context_length_exceeded", f"{param}: at most {MAX_PROMPT_CHARACTERS} characters are taken", param=param)


def _check_message(value: JsonValue, param: str) -> JsonObject:
    message = check_object(value, param)
    _refuse_other_case(message, MESSAGE_FIELDS, param)
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise refuse(f"{param}.role", f"one of {', '.join(sorted(ROLES))} is asked for")
    if message.get("tool_calls") is not None:
        for call in check_list(message["tool_calls"], f"{param}.tool_calls", most=MAX_TOOL_CALLS):
            check_object(call, f"{param}.tool_calls")
    content = message.get("content")
    if content is None:
        if role == ASSISTANT and any(message.get(name) for name in INSTEAD_OF_CONTENT):
            return message
        raise refuse(f"{param}.content", "text or a list of parts is asked for")
    if not isinstance(content, str):
        _check_parts(content, f"{param}.content")
    return message


def _check_parts(value: JsonValue, param: str) -> None:
    for index, entry in enumerate(check_list(value, param, least=1, most=MAX_PARTS)):
        name = f"{param}[{index}]"
        part = check_object(entry, name)
        _refuse_other_case(part, PART_FIELDS, name)
        kind = check_text(part.get("type"), f"{name}.type", most_characters=MAX_TYPE_CHARACTERS)
        if kind == "text" and not isinstance(part.get("text"), str):
            raise refuse(f"{name}.text", "a string is asked for")
        if kind == "image_url":
            _check_image(part.get("image_url"), f"{name}.image_url")


def _check_image(value: JsonValue, param: str) -> None:
    """An address is passed on and never fetched here."""
    image = check_object(value, param)
    _refuse_other_case(image, IMAGE_FIELDS, param)
    url = image.get("url")
    if not isinstance(url, str):
        raise refuse(f"{param}.url", "a string is asked for")
    if not may_be_passed_on(url):
        raise refuse(f"{param}.url", "an address of an image on the web, or data:image/...;base64, is asked for")


def _refuse_other_case(value: JsonObject, known: frozenset[str], param: str) -> None:
    """Some parsers, such as Go's, read names in any letter case: what is checked here and what they read would differ."""
    for name in value:
        if name not in known and name.lower() in known:
            raise InvalidArgument("unknown_field", f"{param}.{name.lower()}: it is written in lower case", param=f"{param}.{name.lower()}")


def _character_count(message: JsonObject) -> int:
    content = message.get("content")
    if isinstance(content, str):
        return len(content)
    return sum(len(text) for part in _parts(content) if isinstance(text := part.get("text"), str))


def _says_something(message: JsonObject) -> bool:
    content = message.get("content")
    if isinstance(content, str):
        return bool(content.strip())
    return content is None or any(part.get("type") != "text" or str(part.get("text")).strip() for part in _parts(content))


def _parts(content: JsonValue) -> list[JsonObject]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
