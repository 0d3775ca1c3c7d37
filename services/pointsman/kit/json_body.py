"""Reads a request's JSON body: media type first, then one strict loader."""

from typing import TypeAlias

from starlette.requests import Request

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_loader import JsonValue, load_json

JsonObject: TypeAlias = dict[str, JsonValue]

JSON_MEDIA_TYPE = "application/json"


async def read_object(request: Request) -> JsonObject:
    """The JSON object in the body.

    Raises InvalidArgument "unsupported_media_type", "invalid_json", or "invalid_value" where it is no object.
    """
    body = await request.body()
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if body and media_type != JSON_MEDIA_TYPE:
        raise InvalidArgument("unsupported_media_type", f"content-type: {JSON_MEDIA_TYPE} is taken here")
    value = load_json(body)
    if not isinstance(value, dict):
        raise InvalidArgument("invalid_value", "body: an object is asked for")
    return value
