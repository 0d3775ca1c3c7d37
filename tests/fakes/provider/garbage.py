"""Answers that are none, and good answers whose usage is nonsense."""

from collections.abc import Mapping

from aiohttp import web

from tests.fakes.provider.behaviour import Behaviour

ABSURD_TOKEN_COUNT = 10**18


def garbage_response(kind: str, *, stream: bool) -> web.Response | None:
    """A bad answer with status 200; None for the kinds that spoil nothing but the usage."""
    if kind == "html":
        return web.Response(text="<!doctype html><title>Bad gateway</title><h1>Please log in</h1>", content_type="text/html")
    texts: Mapping[str, str] = {
        "empty": "",
        "nojson": '{"id": "chatcmpl-1", "choices": [{',
        "nochoices": '{"id": "chatcmpl-1", "object": "chat.completion"}',
        "nullcontent": '{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,'
        '"message":{"role":"assistant","content":null},"finish_reason":"stop"}]}',
    }
    if kind not in texts:
        return None
    if not stream:
        return web.Response(text=texts[kind], content_type="application/json")
    events = texts[kind].replace("chat.completion", "chat.completion.chunk").replace('"message"', '"delta"')
    return web.Response(text=f"data: {events}\n\ndata: [DONE]\n\n" if events else "", content_type="text/event-stream")


def spoil_usage(document: dict[str, object], behaviour: Behaviour) -> bool:
    """Replace the usage by what the behaviour asks for; whether it asks for any such thing."""
    usage = document.get("usage")
    if behaviour.kind != "garbage" or not isinstance(usage, dict):
        return False
    if behaviour.parameter == "usage_missing":
        del document["usage"]
        return True
    value: object = {"usage_negative": -5, "usage_huge": ABSURD_TOKEN_COUNT, "usage_string": "many"}[behaviour.parameter]
    document["usage"] = {"prompt_tokens": value, "completion_tokens": value, "total_tokens": value}
    return True
