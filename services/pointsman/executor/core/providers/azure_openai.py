"""OpenAI's format behind Azure's addresses, key header and api-version.

https://learn.microsoft.com/azure/ai-services/openai/reference: the deployment is part of the path.
"""

from dataclasses import replace
from urllib.parse import quote, urlencode

from pointsman.executor.core.catalog import Model, Provider
from pointsman.executor.core.completion import ChatRequest
from pointsman.executor.core.providers import openai
from pointsman.executor.core.translation import WireRequest

# The newest generally available version of the data plane at the time of writing.
DEFAULT_API_VERSION = "2024-10-21"


def to_request(chat: ChatRequest, model: Model, provider: Provider, stream: bool) -> WireRequest:  # noqa: FBT001  # a Translator's shape
    """The request for a completion."""
    query = urlencode({"api-version": provider.api_version or DEFAULT_API_VERSION})
    return WireRequest(
        "POST",
        f"/openai/deployments/{quote(model.upstream, safe='')}/chat/completions?{query}",
        chat.body(model.upstream, stream=stream),
        openai.JSON_HEADERS,
        key_header="api-key",
        key_prefix="",
    )


TRANSLATOR = replace(openai.TRANSLATOR, to_request=to_request)
