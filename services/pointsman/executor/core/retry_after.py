"""How long a provider asks to be left alone."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MAX_COOLING_S = 300.0  # a longer wish is capped
DEFAULT_COOLING_S = 1.0  # none was named, or one that makes no sense


def cooling_s(headers: Mapping[str, str], *, wall_time_s: float) -> float:
    """Seconds to leave the key alone after a 429. headers: names in lower case. wall_time_s: seconds since 1970."""
    asked_s = _milliseconds(headers.get("retry-after-ms")) or _seconds(headers.get("retry-after"), wall_time_s)
    return min(asked_s, MAX_COOLING_S) if asked_s is not None and asked_s > 0 else DEFAULT_COOLING_S


def _milliseconds(value: str | None) -> float | None:
    number = _number(value)
    return number / 1000 if number is not None else None


def _seconds(value: str | None, wall_time_s: float) -> float | None:
    if value is None:
        return None
    number = _number(value)
    if number is not None:
        return number
    try:
        return parsedate_to_datetime(value).timestamp() - wall_time_s
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    """The number, where the text is a plain one: digits, at most one dot."""
    if value is None or len(value) > 20 or not value.strip().replace(".", "", 1).isdecimal():
        return None
    return float(value)
