"""From a provider's bytes to what the client gets, and to what is known of the answer when it ends."""

import json
from collections.abc import Iterable

from pointsman.executor.core.faults import Fault, bad_response, provider_error
from pointsman.executor.core.loop_guard import LoopGuard
from pointsman.executor.core.sse import EventTooLarge, SseParser
from pointsman.executor.core.translation import StreamEvent, Translator
from pointsman.executor.core.usage import TokenUsage

MAX_CHUNK_BYTES = 16 << 10  # of a chunk that holds several events
# Empty deltas are held back up to here, so that another provider can still take over.
MAX_HELD_EVENTS = 64
MAX_HELD_BYTES = 256 << 10


class StreamReading:
    """One stream under way.

    has_content: content was given out, so no other provider may take over. finish_reason: set once the
    answer is whole. fault: set once it is clear that it will not be. is_over: nothing more is wanted.
    """

    def __init__(self, translator: Translator, model_id: str, *, max_output_token_count: int | None, choice_count: int = 1) -> None:
        """Begin a stream of the model. choice_count: how many answers the request asks for."""
        self._from_event = translator.from_event
        self._model_id = model_id
        self._parser = SseParser()
        self._loop_guard = LoopGuard(max_output_token_count)
        self._choice_count = choice_count
        self._held: list[bytes] = []
        self._held_byte_count = 0
        self._open_choices: set[int] = set()
        self._reasons: dict[int, str] = {}
        self.has_content = False
        self.event_count = 0
        self.text_byte_count = 0
        self.usage: TokenUsage | None = None
        self.fault: Fault | None = None
        self.is_over = False

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped: the first choice's reason, once every choice has one."""
        if not self._reasons or self._open_choices - self._reasons.keys():
            return None
        return self._reasons[min(self._reasons)]

    def feed(self, data: bytes) -> list[bytes]:
        """Chunks for the client that these bytes bring."""
        try:
            events = self._parser.feed(data)
        except EventTooLarge:
            self._fail(bad_response("an event of the stream does not end"))
            return []
        ready: list[bytes] = []
        for event_data in events:
            self.event_count += 1
            self._take(self._from_event(event_data, self._model_id), ready)
            if self.is_over:
                break
        return chunks_of(ready)

    def end(self, *, is_marked: bool = False) -> list[bytes]:
        """The provider has closed the stream; what the client gets of what was held back.

        is_marked: it said so, with the event that ends streams. Without that word every choice asked for has to be
        whole: one that never began would not be missed otherwise. With it fewer will do, since some providers give one only.
        """
        self.is_over = True
        is_whole = self.finish_reason is not None and (is_marked or len(self._reasons) >= self._choice_count)
        if not is_whole and self.fault is None:
            cut_off = provider_error("the stream ended before the answer did")
            self._fail(cut_off if self.event_count else bad_response("the answer is no stream of events"))
        ready: list[bytes] = []
        if self.fault is None:
            self._release(ready)
        return chunks_of(ready)

    def _take(self, event: StreamEvent, ready: list[bytes]) -> None:
        if event.usage is not None:
            self.usage = event.usage
        if event.fault is not None:
            self._fail(event.fault)
        elif event.is_end:
            ready.extend(self.end(is_marked=True))
        elif event.forward is not None:
            self._open_choices.update(event.choice_indices)
            self._reasons.update(event.finished_choices)
            self._forward(event, event.forward, ready)

    def _forward(self, event: StreamEvent, forward: bytes, ready: list[bytes]) -> None:
        if event.has_content and not self.has_content:
            self._release(ready)
        if not self.has_content:
            self._hold(forward, ready)
            return
        ready.append(forward)
        if event.text:
            self.text_byte_count += len(event.text) if event.text.isascii() else len(event.text.encode(errors="replace"))
            if self._loop_guard.is_endless(event.text):
                self._cut(ready)

    def _hold(self, forward: bytes, ready: list[bytes]) -> None:
        self._held.append(forward)
        self._held_byte_count += len(forward)
        if len(self._held) > MAX_HELD_EVENTS or self._held_byte_count > MAX_HELD_BYTES:
            self._release(ready)

    def _release(self, ready: list[bytes]) -> None:
        """Give out what was held back; from here on it is this provider's answer."""
        self.has_content = True
        ready.extend(self._held)
        self._held.clear()

    def _cut(self, ready: list[bytes]) -> None:
        """End an answer that would not end."""
        self._reasons = {index: self._reasons.get(index, "length") for index in self._open_choices}
        ready.append(_length_event(ready[-1], sorted(self._open_choices)))
        self.is_over = True

    def _fail(self, fault: Fault) -> None:
        self.fault = fault
        self.is_over = True


def _length_event(last: bytes, indices: Iterable[int]) -> bytes:
    """An event like the last one that says for each choice that the limit was reached."""
    document = json.loads(last.removeprefix(b"data: "))
    document["choices"] = [{"index": index, "delta": {}, "finish_reason": "length"} for index in indices]
    return b"data: %b\n\n" % json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def chunks_of(events: Iterable[bytes]) -> list[bytes]:
    """Events joined to as few chunks as the limit allows; an event is never cut."""
    chunks: list[bytes] = []
    open_chunk: list[bytes] = []
    size = 0
    for event in events:
        if open_chunk and size + len(event) > MAX_CHUNK_BYTES:
            chunks.append(b"".join(open_chunk))
            open_chunk, size = [], 0
        open_chunk.append(event)
        size += len(event)
    if open_chunk:
        chunks.append(b"".join(open_chunk))
    return chunks
