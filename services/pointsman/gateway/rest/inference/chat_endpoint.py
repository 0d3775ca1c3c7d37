"""`POST /v1/chat/completions`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pointsman.gateway.engine.completing import TimeAllowed
from pointsman.gateway.engine.completion import Completion
from pointsman.gateway.ports import Account
from pointsman.gateway.rest.answer_facts import facts_of
from pointsman.gateway.rest.answer_headers import Headers, completion_headers
from pointsman.gateway.rest.inference import answers
from pointsman.gateway.rest.inference.deltas import chunks
from pointsman.gateway.rest.inference.event_stream import DONE, EventStream, EventWriter, data_event, error_event
from pointsman.gateway.rest.inference.orders import Read, asked_timeout_s, read_chat
from pointsman.gateway.rest.inference.presence import while_present
from pointsman.gateway.rest.inference.running import Engine, run_stream, run_whole, time_allowed
from pointsman.kit.errors import ServiceError
from pointsman.kit.json_body import JSON_MEDIA_TYPE, JsonObject, read_object
from pointsman.kit.json_loader import dump_json

METADATA_HEADER = "x-pointsman-metadata"
METADATA = "pointsman_metadata"


async def answer_chat(engine: Engine, request: Request, account: Account) -> Response:
    """Route and answer in OpenAI's shape."""
    allowed = time_allowed(engine.limits, asked_timeout_s(request))
    body = await read_object(request)
    read = read_chat(body, request, account, engine.prompt_hash)
    facts = facts_of(request)
    with_metadata = request.headers.get(METADATA_HEADER, "").lower() == "enabled"
    if read.stream:
        with_usage = asks_for_usage(body)
        return EventStream(
            lambda writer: _stream(engine, read, allowed, facts, writer, with_usage=with_usage, with_metadata=with_metadata),
            silence_s=engine.limits.silence_s,
        )
    async with engine.in_flight.admit():
        return await while_present(request.receive, _answer(engine, read, allowed, facts, with_metadata=with_metadata))


def asks_for_usage(body: JsonObject) -> bool:
    """True where the stream is to end with a usage chunk."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


async def _answer(engine: Engine, read: Read, allowed: TimeAllowed, facts: Headers, *, with_metadata: bool) -> Response:
    routed = await engine.routing.route(read.order, allowed.deadline())
    whole = await run_whole(engine, read, routed, allowed, facts)
    answer = {**whole.body, "usage": answers.usage_of(whole.completion, whole.body.get("usage"))}
    if with_metadata:
        answer[METADATA] = answers.metadata(whole.completion, settled=whole.settled)
    return Response(dump_json(answer), media_type=JSON_MEDIA_TYPE, headers=completion_headers(whole.completion, elapsed_s=whole.elapsed_s))


async def _stream(
    engine: Engine, read: Read, allowed: TimeAllowed, facts: Headers, writer: EventWriter, *, with_usage: bool, with_metadata: bool
) -> None:
    """The provider's chunks as they are, then usage and metadata where asked, then [DONE]; an error instead of it."""
    first = FirstChunk()

    async def on_open() -> None:
        """Nothing goes before the first chunk."""

    async def on_chunk(events: bytes) -> None:
        first.see(events)
        await writer.write(events)

    async with engine.in_flight.admit():
        routed = await engine.routing.route(read.order, allowed.deadline())
        try:
            completion, settled = await run_stream(engine, read, routed, allowed, facts, writer, on_open, on_chunk)
        except ServiceError as error:
            if not writer.is_open:
                raise
            await writer.close(error_event(error))
            return
        last = last_chunk(first, completion, settled=settled, with_usage=with_usage, with_metadata=with_metadata)
        await writer.close((data_event(last) if last else b"") + DONE)


class FirstChunk:
    """What later chunks have in common with the first: id, time, fingerprint."""

    def __init__(self) -> None:
        """Start before it came."""
        self.fields: dict[str, Any] | None = None

    def see(self, events: bytes) -> None:
        """Take the first events; the others are not read."""
        if self.fields is None:
            chunk = next(chunks(events), {})
            self.fields = {name: chunk[name] for name in ("id", "object", "created", "system_fingerprint") if name in chunk}


def last_chunk(first: FirstChunk, completion: Completion, *, settled: bool, with_usage: bool, with_metadata: bool) -> dict[str, Any] | None:
    """The chunk without choices that goes before [DONE]; None where nothing was asked for."""
    if not (with_usage or with_metadata):
        return None
    chunk: dict[str, Any] = {**(first.fields or {}), "model": completion.attempts[-1].model_id, "choices": []}
    if with_usage:
        chunk["usage"] = answers.usage_of(completion)
    if with_metadata:
        chunk[METADATA] = answers.metadata(completion, settled=settled)
    return chunk
