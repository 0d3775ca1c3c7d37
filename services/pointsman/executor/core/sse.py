"""Server-sent events from bytes that come in pieces.

The event stream format of https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6; fields
other than `data` mean nothing here. The result does not depend on how the bytes were cut.
"""

BOM = b"\xef\xbb\xbf"
# As much as a whole answer may have; an event that is larger is no event.
MAX_EVENT_BYTES = 8 << 20


class EventTooLarge(Exception):
    """An event did not end within MAX_EVENT_BYTES."""


class SseParser:
    """Collects bytes and gives events as they become complete; an incomplete one at the end is dropped, as the format says."""

    def __init__(self) -> None:
        """Begin a stream."""
        self._rest = b""
        self._is_after_cr = False
        self._is_at_start = True

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that these bytes complete, in order. Raises EventTooLarge."""
        if b"\r" in data or self._is_after_cr:
            data = self._with_plain_line_ends(data)
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLarge
        events: list[bytes] = []
        for block in blocks:
            if self._is_at_start:
                self._is_at_start = False
                block = block.removeprefix(BOM)
            # Nearly every event of a provider is one line of data.
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(block[6:])
            elif (event := _data_of(block)) is not None:
                events.append(event)
        return events

    def _with_plain_line_ends(self, data: bytes) -> bytes:
        """The same with "\\n" for every line end, of which one may be cut in two."""
        if not data:
            return data
        if self._is_after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._is_after_cr = False
            if not data:
                return data
        self._is_after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data_of(block: bytes) -> bytes | None:
    """The data of the event that the lines make; None where they hold none."""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
    return b"\n".join(data) if data else None
