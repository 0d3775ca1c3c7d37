"""Figures as people read them. What is not known is a dash."""

from datetime import UTC, datetime

UNKNOWN = "–"
MS_PER_S = 1_000
NANO_USD = 1e-9  # what money is counted in
MILLE = 1_000
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
# Past these, the next unit is easier to read.
AGE_UNITS = ((2 * DAY_S, DAY_S, "d"), (2 * HOUR_S, HOUR_S, "h"), (2 * MINUTE_S, MINUTE_S, "min"))
BYTE_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
TOKEN_UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k"))


def count(value: float | None) -> str:
    """A whole number: "12,345"."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """A number a minute: one decimal where it is small."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.1f}"


def share(value: float | None) -> str:
    """0.985 as "98.5 %"; what is not all is never rounded to all."""
    if value is None:
        return UNKNOWN
    percent = 100 * value
    if percent in {0, 100}:
        return f"{percent:.0f} %"
    return f"{min(99.9, max(0.1, percent)):.1f} %" if 0 < percent < 100 else f"{percent:.1f} %"


def money(value: float | None) -> str:
    """Dollars; below one with two digits that count."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size >= MILLE:
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:.2f}"
    for digits in range(2, 10):
        if size >= 10 ** (1 - digits):
            return f"{sign}${size:.{digits}f}"
    return f"{sign}${size:.9f}" if size >= NANO_USD else f"{sign}<$0.000000001"


def milliseconds(value: float | None) -> str:
    """A time given in milliseconds: "410 ms", "1.25 s"."""
    if value is None:
        return UNKNOWN
    if value >= MS_PER_S:
        return f"{value / MS_PER_S:.2f} s" if value < 100 * MS_PER_S else f"{value / MS_PER_S:,.0f} s"
    return f"{value:.0f} ms" if value >= 10 or value == 0 else f"{value:.1f} ms"


def tokens(value: float | None) -> str:
    """A number of tokens: "9,800", "12.3k"."""
    if value is None:
        return UNKNOWN
    for least, unit in TOKEN_UNITS:
        if value >= least:
            return f"{value / (MILLE if unit == 'k' else least):,.1f}{unit}"
    return f"{value:,.0f}"


def size(value: float | None) -> str:
    """Bytes: "192 MiB"."""
    if value is None:
        return UNKNOWN
    for least, unit in BYTE_UNITS:
        if value >= least:
            return f"{value / least:,.0f} {unit}" if value >= 10 * least else f"{value / least:.1f} {unit}"
    return f"{value:.0f} B"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number between 0 and 1, or one near it."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def ago(moment_s: float | None, now_s: float) -> str:
    """How long ago: "12 s ago". Both are seconds of the Unix epoch."""
    if moment_s is None:
        return UNKNOWN
    age = lasted(now_s - moment_s)
    return "now" if age == "0 s" else f"{age} ago"


def lasted(seconds: float) -> str:
    """A stretch of time in one unit: "12 s", "3 min"."""
    rounded = max(0.0, seconds)
    for least, unit_s, unit in AGE_UNITS:
        if rounded >= least:
            return f"{rounded / unit_s:.0f} {unit}"
    return f"{rounded:.0f} s"


def absolute(moment_s: float | None) -> str:
    """The moment itself: "2026-11-21 12:46:53 UTC"; empty where there is none."""
    if moment_s is None:
        return ""
    try:
        return f"{datetime.fromtimestamp(moment_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""
