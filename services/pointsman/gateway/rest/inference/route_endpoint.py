"""`POST /route`."""

import time

from starlette.requests import Request
from starlette.responses import Response

from pointsman.gateway.core.routing import Purpose
from pointsman.gateway.engine.completing import TimeAllowed
from pointsman.gateway.engine.routing import Routed
from pointsman.gateway.ports import Account
from pointsman.gateway.rest.answer_facts import facts_of
from pointsman.gateway.rest.answer_headers import Headers, completion_headers, recommendation_headers
from pointsman.gateway.rest.inference import answers
from pointsman.gateway.rest.inference.deltas import MessageBuilder
from pointsman.gateway.rest.inference.event_stream import EventStream, EventWriter, named_error_event, named_event
from pointsman.gateway.rest.inference.orders import Read, asked_timeout_s, read_route
from pointsman.gateway.rest.inference.presence import while_present
from pointsman.gateway.rest.inference.running import Engine, run_stream, run_whole, time_allowed
from pointsman.kit.errors import ServiceError
from pointsman.kit.json_body import JSON_MEDIA_TYPE, read_object
from pointsman.kit.json_loader import dump_json


async def answer_route(engine: Engine, request: Request, account: Account) -> Response:
    """Decide, and answer too where asked."""
    allowed = time_allowed(engine.limits, asked_timeout_s(request))
    read = read_route(await read_object(request), request, account, engine.prompt_hash)
    facts = facts_of(request)
    if read.stream:
        return EventStream(
            lambda writer: _stream(engine, read, allowed, facts, writer),
            silence_s=engine.limits.silence_s,
            error_event=named_error_event,
        )
    async with engine.in_flight.admit():
        return await while_present(request.receive, _answer(engine, read, allowed, facts))


async def _answer(engine: Engine, read: Read, allowed: TimeAllowed, facts: Headers) -> Response:
    routed = await engine.routing.route(read.order, allowed.deadline())
    if read.order.purpose is Purpose.RECOMMEND:
        headers = recommendation_headers(routed, overhead_s=time.monotonic() - allowed.started_s)
        return Response(dump_json(answers.recommendation(routed)), media_type=JSON_MEDIA_TYPE, headers=headers)
    whole = await run_whole(engine, read, routed, allowed, facts)
    choices = whole.body.get("choices") or [{}]
    outcome = answers.outcome(
        whole.completion,
        message=choices[0].get("message") or {},
        usage=answers.usage_of(whole.completion, whole.body.get("usage")),
        latency_s=whole.elapsed_s,
        settled=whole.settled,
    )
    headers = completion_headers(whole.completion, elapsed_s=whole.elapsed_s)
    return Response(dump_json({**answers.recommendation(routed), **outcome}), media_type=JSON_MEDIA_TYPE, headers=headers)


async def _stream(engine: Engine, read: Read, allowed: TimeAllowed, facts: Headers, writer: EventWriter) -> None:
    """Events `decision`, `token`, then `done` or `error`."""
    async with engine.in_flight.admit():
        routed = await engine.routing.route(read.order, allowed.deadline())
        try:
            await _stream_decision(engine, read, routed, allowed, facts, writer)
        except ServiceError as error:
            if not writer.is_open:
                raise
            await writer.close(named_error_event(error))


async def _stream_decision(engine: Engine, read: Read, routed: Routed, allowed: TimeAllowed, facts: Headers, writer: EventWriter) -> None:
    builder = MessageBuilder()

    async def on_open() -> None:
        await writer.write(named_event("decision", answers.recommendation(routed)))

    async def on_chunk(events: bytes) -> None:
        if text := builder.feed(events):
            await writer.write(named_event("token", {"text": text}))

    completion, settled = await run_stream(engine, read, routed, allowed, facts, writer, on_open, on_chunk)
    outcome = answers.outcome(
        completion,
        message=builder.message(),
        usage=answers.usage_of(completion),
        latency_s=time.monotonic() - allowed.started_s,
        settled=settled,
    )
    await writer.close(named_event("done", outcome))
