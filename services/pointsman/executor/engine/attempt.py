"""One call of one provider, from the first byte sent to the last one read, within its timers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from pointsman.executor.core.catalog import Model, Provider
from pointsman.executor.core.completion import Attempt, AttemptOutcome, AttemptStarted, CompletionRequest
from pointsman.executor.core.faults import Blame, FailureReason, Fault, ProviderFailed, bad_response, provider_timeout
from pointsman.executor.core.ports import ProviderCaller, ProviderResponse
from pointsman.executor.core.stream_reading import StreamReading
from pointsman.executor.core.timers import Timers
from pointsman.executor.core.translation import ErrorAnswer, Translator, WholeAnswer
from pointsman.executor.core.usage import TokenUsage, estimated_token_count, prompt_byte_count

MAX_BODY_BYTES = 8 << 20  # far above any completion; a provider gone wrong must not fill our memory
MAX_ERROR_BYTES = 64 << 10  # what an error says is in its first bytes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to call, and how."""

    model: Model
    provider: Provider
    translator: Translator
    caller: ProviderCaller
    timers: Timers
    caller_api_key: str | None = field(default=None, repr=False)


class AttemptRun:
    """One call. Iterate `chunks`, then read the rest.

    fault: why it failed; None: the answer is whole. time_to_first_token_s: None where no content came.
    """

    def __init__(
        self,
        target: Target,
        request: CompletionRequest,
        *,
        attempt_id: str,
        number: int,
        deadline_s: float,
        now: Callable[[], float],
        wall_time: Callable[[], float],
    ) -> None:
        """Prepare the call; nothing is sent yet. number: position within the request, from 1. deadline_s: the request's, by `now`."""
        self._target = target
        self._attempt_id = attempt_id
        self._number = number
        self._request = request
        self._now = now
        self._wall_time = wall_time
        self._deadline_s = deadline_s
        self._start_s = now()
        self._reading = StreamReading(
            target.translator,
            target.model.id,
            max_output_token_count=request.chat.max_output_token_count,
            choice_count=request.chat.choice_count,
        )
        self._whole: WholeAnswer | None = None
        self._broken_byte_count = 0  # of a whole answer that was under way
        self.fault: Fault | None = None
        self.status_code: int | None = None
        self.time_to_first_token_s: float | None = None
        self._start_time_s = wall_time()

    @property
    def has_content(self) -> bool:
        """Whether the client has got content."""
        return self._reading.has_content

    @property
    def finish_reason(self) -> str:
        """Why the model stopped, where it did."""
        return self._whole.finish_reason if self._whole else self._reading.finish_reason or ""

    @property
    def body(self) -> bytes | None:
        """The whole answer, where it does not stream."""
        return self._whole.body if self._whole else None

    @property
    def target(self) -> Target:
        """Whom it calls."""
        return self._target

    @property
    def is_streamed(self) -> bool:
        """Whether the answer is asked for as it comes."""
        return self._request.stream

    def started(self) -> AttemptStarted:
        """The event that it begins."""
        return AttemptStarted(self._number, self._target.model.id, self._target.provider.id)

    def record(self, *, is_cancelled: bool = False) -> Attempt:
        """What is booked of it, once it has ended. is_cancelled: the caller left before."""
        outcome = AttemptOutcome.SUCCEEDED
        if is_cancelled:
            outcome = AttemptOutcome.CANCELLED
        elif self.fault is not None:
            outcome = AttemptOutcome.CUT if self.has_content else AttemptOutcome.FAILED
        return Attempt(
            attempt_id=self._attempt_id,
            number=self._number,
            model_id=self._target.model.id,
            provider_id=self._target.provider.id,
            outcome=outcome,
            start_time_s=self._start_time_s,
            latency_s=self._now() - self._start_s,
            failure_reason=self.fault.reason if self.fault is not None else None,
            provider_status_code=self.status_code,
            usage=self._usage(),
            time_to_first_token_s=self.time_to_first_token_s,
            billed_to_caller=self._target.caller_api_key is not None,
        )

    def _usage(self) -> TokenUsage | None:
        """The provider's figures, else our estimate where an answer, or part of one, came: that much was worked for, and is billed."""
        reported = self._whole.usage if self._whole else self._reading.usage
        if reported is not None or not (self._whole or self.has_content or self._broken_byte_count):
            return reported
        input_count = estimated_token_count(prompt_byte_count(self._request.chat.document))
        output_bytes = self._whole.text_byte_count if self._whole else self._reading.text_byte_count or self._broken_byte_count
        return TokenUsage(input_count, estimated_token_count(output_bytes), estimated=True)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Make the call; chunks for the client where the request streams. Failures end it and are in `fault`."""
        target = self._target
        wire = target.translator.to_request(self._request.chat, target.model, target.provider, self._request.stream)
        sending = target.caller.send(target.provider, wire, connect_s=target.timers.connect_s, caller_api_key=target.caller_api_key)
        try:
            async with AsyncExitStack() as stack:
                response = await self._in_time(stack.enter_async_context(sending), self._first_limit_s())
                self.status_code = response.status_code
                if not self._request.stream or self._is_whole(response):
                    await self._in_time(self._read_whole(response), self._start_s + target.timers.total_s)
                    return
                async for chunk in self._read_stream(response):
                    yield chunk
        except ProviderFailed as error:
            self.fault = error.fault
        except TimeoutError:
            self.fault = self._timeout_fault()

    def _first_limit_s(self) -> float:
        return self._target.timers.read_deadline_s(start_s=self._start_s, last_event_s=self._start_s, has_content=False)

    async def _in_time(self, work: Awaitable[T], limit_s: float) -> T:
        async with asyncio.timeout(min(limit_s, self._deadline_s) - self._now()):
            return await work

    def _is_whole(self, response: ProviderResponse) -> bool:
        """Whether the answer is no stream: an error, or JSON although a stream was asked for."""
        return response.status_code != 200 or _is_json(response)

    async def _read_whole(self, response: ProviderResponse) -> None:
        if response.status_code != 200:
            answer = ErrorAnswer(response.status_code, response.headers, await _start_of_body(response), self._wall_time())
            raise ProviderFailed(self._target.translator.from_error(answer))
        whole = self._target.translator.from_body(await self._body_of(response), self._target.model.id)
        if self._request.stream:
            raise ProviderFailed(bad_response("the answer is whole, where a stream was asked for"))
        self._whole = whole

    async def _body_of(self, response: ProviderResponse) -> bytes:
        """The body. Raises ProviderFailed where it is larger than it may be."""
        pieces: list[bytes] = []
        size = 0
        async for piece in response.pieces():
            pieces.append(piece)
            size += len(piece)
            self._broken_byte_count = size if _is_json(response) else 0
            if size > MAX_BODY_BYTES:
                self._broken_byte_count = 0  # no answer at all
                raise ProviderFailed(bad_response(f"the answer is larger than {MAX_BODY_BYTES >> 20} MiB"))
        self._broken_byte_count = 0
        return b"".join(pieces)

    async def _read_stream(self, response: ProviderResponse) -> AsyncGenerator[bytes, None]:
        reading, timers = self._reading, self._target.timers
        pieces = response.pieces()
        last_event_s = self._start_s
        while not reading.is_over:
            limit_s = timers.read_deadline_s(start_s=self._start_s, last_event_s=last_event_s, has_content=reading.has_content)
            piece = await self._in_time(anext(pieces, None), limit_s)
            had_content, event_count = reading.has_content, reading.event_count
            chunks = reading.end() if piece is None else reading.feed(piece)
            if reading.event_count > event_count:
                last_event_s = self._now()
            if reading.has_content and not had_content:
                self.time_to_first_token_s = self._now() - self._start_s
            for chunk in chunks:
                yield chunk
        self.fault = reading.fault

    def _timeout_fault(self) -> Fault:
        if self._now() >= self._deadline_s:
            return Fault(FailureReason.DEADLINE_EXCEEDED, "the request's time is over", Blame.DEADLINE)
        return provider_timeout("the provider stopped sending" if self.has_content else "the provider did not answer in time")


def _is_json(response: ProviderResponse) -> bool:
    return response.headers.get("content-type", "").startswith("application/json")


async def _start_of_body(response: ProviderResponse) -> bytes:
    """As much of an error's body as may tell something."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.pieces():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ERROR_BYTES:
            break
    return b"".join(pieces)
