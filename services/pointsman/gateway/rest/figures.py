"""How answers write figures: decimal USD, milliseconds, times of UTC."""

from datetime import UTC, datetime

from pointsman.gateway.core.money import NANOUSD_PER_USD

DIGITS = 6  # of shares and scores
MS_PER_S = 1_000.0


def usd(nanousd: int | None) -> float | None:
    """Dollars: the double nearest to the exact amount, which JSON writes with no more than its nine decimals."""
    return None if nanousd is None else nanousd / NANOUSD_PER_USD


def milliseconds(seconds: float) -> float:
    """Milliseconds to the microsecond."""
    return round(seconds * MS_PER_S, 3)


def moment_of(unix_s: float) -> str:
    """A time by ISO 8601, UTC."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")


def known_moment(unix_s: float | None) -> str | None:
    """The same, where it is known."""
    return None if unix_s is None else moment_of(unix_s)
