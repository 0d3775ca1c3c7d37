"""The mock's HTTP interface: OpenAI's routes under /v1, and /_control for the tests."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.fakes.provider.behaviour import Behaviour, is_hit
from tests.fakes.provider.bill import Work, prices_from_json
from tests.fakes.provider.chat import CREATED_S, Answer, ChatRequest, WireError, answer_for, completion_of, parse_chat_request
from tests.fakes.provider.garbage import garbage_response, spoil_usage
from tests.fakes.provider.state import ProviderState
from tests.fakes.provider.streaming import Stream, write_slowly

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATE = web.AppKey("state", ProviderState)
MAX_BODY_BYTES = 64 * 1024 * 1024
DEFAULT_HUGE_MIB = 200


def make_application(state: ProviderState) -> web.Application:
    """All routes over one state."""
    application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[in_wire_form])
    application[STATE] = state
    application.add_routes(
        [
            web.post("/v1/chat/completions", complete_chat),
            web.get("/v1/models", list_models),
            web.route("*", "/v1/redirected", count_redirected),
            web.get("/_control/bill", answer_bill),
            web.get("/_control/stats", answer_stats),
            web.post("/_control/reset", reset),
            web.post("/_control/prices", set_prices),
            web.post("/_control/models", set_models),
        ]
    )
    return application


@web.middleware
async def in_wire_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in OpenAI's shape; callers who leave are counted."""
    try:
        return await handler(request)
    except WireError as error:
        return web.json_response(error.body, status=error.status)
    except asyncio.CancelledError:
        request.app[STATE].stats.hangup_count += 1
        raise
    except ConnectionError:
        request.app[STATE].stats.hangup_count += 1
        return web.Response()  # nobody is there to read it


async def complete_chat(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions."""
    state = request.app[STATE]
    body = await request.read()
    state.see(request.headers, body)
    chat = parse_chat_request(body)
    behaviour = state.behaviour_of(chat.model)
    if behaviour is None and state.is_ollama:
        raise WireError(404, f"model '{chat.model}' not found", type="not_found_error")
    if behaviour is None:
        message = f"The model `{chat.model}` does not exist or you do not have access to it."
        raise WireError(404, message, "model_not_found", "model")
    with state.counted(chat.model) as number:
        refusal = _refusal(behaviour, number)
        if refusal is not None:
            return refusal
        await _wait_before_answer(behaviour)
        answer = answer_for(chat, behaviour)
        bad = garbage_response(behaviour.parameter, stream=chat.stream) if behaviour.kind == "garbage" else None
        if bad is not None:
            return bad
        if behaviour.kind == "huge":
            return await _send_huge(request, behaviour.number(DEFAULT_HUGE_MIB))
        if chat.stream:
            return await Stream(state, request, chat, behaviour, answer).run()
        return await _send_whole(request, chat, behaviour, answer)


def _refusal(behaviour: Behaviour, number: int) -> web.Response | None:
    """An answer other than 200; None where the behaviour gives none to the model's request of this number."""
    kind, headers, status = behaviour.kind, {}, 0
    error = WireError(500, "The server had an error while processing your request.", type="server_error")
    if kind == "err500" and is_hit(number, behaviour.number(100)):
        status = 500
    elif kind == "err401":
        status, error = 401, WireError(401, "Incorrect API key provided.", "invalid_api_key", type="authentication_error")
    elif kind == "err403":
        status, error = 403, WireError(403, "You do not have access to this resource.", "permission_denied", type="permission_error")
    elif kind == "err429":
        status, error = 429, WireError(429, "Rate limit reached for requests.", "rate_limit_exceeded", type="requests")
        headers = {"Retry-After": behaviour.parameter} if behaviour.parameter else {}
    elif kind == "err400":
        message = "This model's maximum context length is 10 tokens. Please reduce the length of the messages."
        status, error = 400, WireError(400, message, "context_length_exceeded", "messages")
    elif kind == "redir":
        return web.Response(status=302, headers={"Location": "/v1/redirected"})
    return web.json_response(error.body, status=status, headers=headers) if status else None


async def _wait_before_answer(behaviour: Behaviour) -> None:
    if behaviour.kind == "hang":
        await asyncio.Event().wait()
    await asyncio.sleep(behaviour.wait_s)


async def _send_whole(request: web.Request, chat: ChatRequest, behaviour: Behaviour, answer: Answer) -> web.StreamResponse:
    """The answer in one body; billed as soon as it is made."""
    state = request.app[STATE]
    work = state.charge(Work(chat.model, answer.prompt_token_count, answer.completion_token_count, answer.cached_token_count))
    document = completion_of(answer, state.stats.request_count)
    spoilt = spoil_usage(document, behaviour)
    data = json.dumps(document).encode()
    if behaviour.kind == "late":
        await asyncio.sleep(behaviour.number())
    if behaviour.kind == "drip":
        response = await _send_slowly(request, data, behaviour.drip_pause_s)
    else:
        response = web.Response(body=data, content_type="application/json")
        await response.prepare(request)
        await response.write_eof()
    state.stats.sent_byte_count += len(data)
    work.usage_delivered = not spoilt
    return response


async def _send_slowly(request: web.Request, data: bytes, pause_s: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(data))})
    await response.prepare(request)
    await write_slowly(response, data, pause_s)
    await response.write_eof()
    return response


async def _send_huge(request: web.Request, size_mib: int) -> web.StreamResponse:
    """A body that is well-formed but for its size; not billed."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"')
    for _ in range(size_mib * 16):
        await response.write(b"x" * 65536)
        request.app[STATE].stats.sent_byte_count += 65536
    await response.write(b'"},"finish_reason":"stop"}]}')
    await response.write_eof()
    return response


async def list_models(request: web.Request) -> web.Response:
    """GET /v1/models."""
    state = request.app[STATE]
    state.see(request.headers, b"")
    state.stats.listing_count += 1
    owner = "library" if state.is_ollama else "mock"
    models = [{"id": name, "object": "model", "created": CREATED_S, "owned_by": owner} for name in state.listed_models()]
    return web.json_response({"object": "list", "data": models})


async def count_redirected(request: web.Request) -> web.Response:
    """Where redir leads to, and nobody should come."""
    request.app[STATE].stats.redirect_hit_count += 1
    return web.json_response({"redirected": True})


async def answer_bill(request: web.Request) -> web.Response:
    """GET /_control/bill."""
    return web.json_response(request.app[STATE].bill.as_json())


async def answer_stats(request: web.Request) -> web.Response:
    """GET /_control/stats."""
    return web.json_response(request.app[STATE].stats_json())


async def reset(request: web.Request) -> web.Response:
    """POST /_control/reset."""
    request.app[STATE].reset()
    return web.json_response({})


async def set_prices(request: web.Request) -> web.Response:
    """POST /_control/prices: added to those before."""
    try:
        request.app[STATE].bill.prices.update(prices_from_json(await request.json()))
    except ValueError as exc:
        raise WireError(400, str(exc)) from exc
    return web.json_response({})


async def set_models(request: web.Request) -> web.Response:
    """POST /_control/models: names of models → names of behaviours, added to those before."""
    try:
        request.app[STATE].set_aliases(await request.json())
    except ValueError as exc:
        raise WireError(400, str(exc)) from exc
    return web.json_response({})
