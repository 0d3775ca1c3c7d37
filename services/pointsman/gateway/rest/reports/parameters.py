"""Reads the parameters of an address. What is not well formed, or given twice, is refused by name; an empty one counts as absent."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from pointsman.gateway.rest.checks import MODEL_NAME, refuse
from pointsman.kit.errors import InvalidArgument

# A "+" before a time zone, sent as it is, arrives as a blank.
BLANK_BEFORE_ZONE = re.compile(r"(?<=T)(\S+) (?=\d{2}:?\d{2}$)")
WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
# Pages of more than that would not fit into one message.
MAX_CURSOR_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A stretch of time that ends now, and the points that it is shown in."""

    name: str
    length_s: int
    bucket_s: int


TIME_RANGES = {
    time_range.name: time_range
    for time_range in (
        TimeRange("15m", 900, 15),
        TimeRange("1h", 3_600, 60),
        TimeRange("24h", 86_400, 1_800),
        TimeRange("7d", 604_800, 14_400),
        TimeRange("30d", 2_592_000, 43_200),
    )
}


class Parameters:
    """Those of one request."""

    def __init__(self, request: Request, *names: str) -> None:
        """names: those that the route takes. Raises InvalidArgument "unknown_field", or "invalid_value" for one given twice."""
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in names:
                raise InvalidArgument("unknown_field", f"the address takes no parameters but {', '.join(names)}")
            if name in self._values:
                raise refuse(name, "it is given twice")
            self._values[name] = value

    def given(self) -> dict[str, str]:
        """All that are not empty, as they were written."""
        return {name: value for name, value in self._values.items() if value}

    def time_range(self, *, default: str) -> TimeRange:
        """The parameter `time_range`."""
        found = TIME_RANGES.get(self._values.get("time_range") or default)
        if found is None:
            raise refuse("time_range", f"one of {', '.join(TIME_RANGES)} is asked for")
        return found

    def choices(self, name: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """Words separated by commas, each once, in the order given."""
        known = tuple(allowed)
        words = [word.strip() for word in self._values.get(name, "").split(",")] if self._values.get(name) else []
        if any(word not in known for word in words) or len(set(words)) != len(words):
            raise refuse(name, f"words out of {', '.join(known)} are asked for, each once, separated by commas")
        return tuple(words)

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """One word; None where there is none."""
        known = tuple(allowed)
        value = self._values.get(name) or None
        if value is not None and value not in known:
            raise refuse(name, f"one of {', '.join(known)} is asked for")
        return value

    def integer(self, name: str, *, least: int, most: int, default: int) -> int:
        """A whole number within bounds."""
        value = self._values.get(name)
        if not value:
            return default
        if WHOLE_NUMBER.fullmatch(value) is None or not least <= int(value) <= most:
            raise refuse(name, f"a whole number from {least} to {most} is asked for")
        return int(value)

    def name(self, name: str) -> str | None:
        """An id, such as a model's."""
        value = self._values.get(name) or None
        if value is not None and MODEL_NAME.fullmatch(value) is None:
            raise refuse(name, "an id of 1 to 256 characters without blanks is asked for")
        return value

    def cursor(self, name: str) -> str:
        """A place that an answer before named; empty where there is none."""
        value = self._values.get(name, "")
        if len(value) > MAX_CURSOR_CHARACTERS or not value.isascii():
            raise refuse(name, "not one that can be taken here")
        return value

    def moment(self, name: str) -> float | None:
        """A day or a time by ISO 8601, UTC where it names no zone, as Unix time."""
        value = self._values.get(name)
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(BLANK_BEFORE_ZONE.sub(r"\1+", value))
            seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            seconds = -1.0
        if seconds < 0:
            raise refuse(name, "a day such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z, since 1970 is asked for")
        return seconds
