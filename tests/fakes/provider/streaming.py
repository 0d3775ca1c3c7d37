"""Answers as server-sent events, whole or with the fault that was asked for."""

import asyncio
import json
import socket
import struct

from aiohttp import web

from tests.fakes.provider.behaviour import Behaviour
from tests.fakes.provider.bill import Work
from tests.fakes.provider.chat import Answer, ChatRequest, WireError, chunk_of, deltas_of, usage_chunk_of
from tests.fakes.provider.garbage import spoil_usage
from tests.fakes.provider.state import ProviderState

IN_BAND_ERROR = WireError(500, "The server had an error while processing your request.", type="server_error").body
RST_LINGER = struct.pack("ii", 1, 0)


async def write_slowly(response: web.StreamResponse, data: bytes, pause_s: float) -> None:
    """Send the data byte by byte."""
    for byte in data:
        await response.write(bytes((byte,)))
        await asyncio.sleep(pause_s)


class Stream:
    """One streamed answer under way. A token is billed as soon as it is sent, and the prompt with the first."""

    def __init__(self, state: ProviderState, request: web.Request, chat: ChatRequest, behaviour: Behaviour, answer: Answer) -> None:
        self._state = state
        self._request = request
        self._chat = chat
        self._behaviour = behaviour
        self._answer = answer
        self._number = state.stats.request_count
        self._work: Work | None = None
        self._response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"})

    async def run(self) -> web.StreamResponse:
        """Send it all, as far as the behaviour lets it."""
        if self._behaviour.kind == "late":
            self._charge(self._answer.completion_token_count)
            await asyncio.sleep(self._behaviour.number())
        await self._response.prepare(self._request)
        await self._send(chunk_of(self._answer, self._number, {"role": "assistant", "content": "", "refusal": None}))
        if self._behaviour.kind == "s_err0":
            return self._break()
        if self._behaviour.kind == "s_loop":
            await self._repeat()
        if not await self._send_tokens():
            return self._response
        if self._behaviour.kind != "s_nofinish":
            await self._finish()
        await self._response.write_eof()
        return self._response

    async def _send_tokens(self) -> bool:
        """True where the stream goes on to its end."""
        kind, fault_at = self._behaviour.kind, self._behaviour.number()
        for index, delta in enumerate(deltas_of(self._answer)):
            if index == fault_at and kind in ("s_cut", "s_stall", "s_inband"):
                return await self._fail()
            if kind == "pace":
                await asyncio.sleep(self._behaviour.number() / 1000)
            await self._send_token(delta)
        return True

    async def _fail(self) -> bool:
        if self._behaviour.kind == "s_stall":
            await asyncio.Event().wait()
        if self._behaviour.kind == "s_cut":
            self._break(reset=self._behaviour.parameter.endswith("-rst"))
        else:
            await self._send(IN_BAND_ERROR)
            await self._response.write_eof()
        return False

    async def _finish(self) -> None:
        await self._send(chunk_of(self._answer, self._number, {}, self._answer.finish_reason))
        if self._chat.include_usage and self._behaviour.parameter != "usage_missing":
            usage = usage_chunk_of(self._answer, self._number)
            spoilt = spoil_usage(usage, self._behaviour)
            await self._send(usage)
            if self._work is not None:
                self._work.usage_delivered = not spoilt
        await self._write(b"data: [DONE]\n\n")

    async def _repeat(self) -> None:
        while True:
            await self._send_token({"content": "again "})

    async def _send_token(self, delta: dict[str, object]) -> None:
        await self._send(chunk_of(self._answer, self._number, delta))
        work = self._work or self._charge(0)
        if self._behaviour.kind != "late":
            work.completion_tokens += 1

    def _charge(self, completion_token_count: int) -> Work:
        answer = self._answer
        work = Work(self._chat.model, answer.prompt_token_count, completion_token_count, answer.cached_token_count)
        self._work = self._state.charge(work)
        return work

    async def _send(self, event: dict[str, object]) -> None:
        if self._chat.include_usage and "choices" in event:
            event.setdefault("usage", None)  # as OpenAI has it on every chunk but the last
        await self._write(b"data: " + json.dumps(event).encode() + b"\n\n")

    async def _write(self, data: bytes) -> None:
        if self._behaviour.kind == "drip":
            await write_slowly(self._response, data, self._behaviour.drip_pause_s)
        else:
            await self._response.write(data)
        self._state.stats.sent_byte_count += len(data)

    def _break(self, *, reset: bool = False) -> web.StreamResponse:
        """Close the connection in the middle of the answer, or reset it."""
        transport = self._request.transport
        if transport is not None:
            if reset:
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_LINGER)
                transport.abort()
            else:
                transport.close()
        return self._response
