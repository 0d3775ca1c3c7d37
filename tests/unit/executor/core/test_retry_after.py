"""How long a provider asks to be left alone."""

import pytest

from pointsman.executor.core.retry_after import cooling_s

NOW_S = 1_792_000_000.0  # Wed, 14 Oct 2026 17:46:40 GMT

VALUES = {
    "seconds": ({"retry-after": "7"}, 7.0),
    "fraction": ({"retry-after": "0.5"}, 0.5),
    "too long": ({"retry-after": "3600"}, 300.0),
    "absent": ({}, 1.0),
    "negative": ({"retry-after": "-5"}, 1.0),
    "zero": ({"retry-after": "0"}, 1.0),
    "garbage": ({"retry-after": "soon"}, 1.0),
    "half a date": ({"retry-after": "Wed, "}, 1.0),
    "date": ({"retry-after": "Wed, 14 Oct 2026 17:46:50 GMT"}, 10.0),
    "date gone by": ({"retry-after": "Wed, 14 Oct 2015 17:46:50 GMT"}, 1.0),
    "no number but looks like one": ({"retry-after": "1e9"}, 1.0),
    "digits of another script": ({"retry-after": "٣"}, 3.0),
    "milliseconds win": ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
}


@pytest.mark.parametrize(("headers", "seconds"), VALUES.values(), ids=VALUES.keys())
def test_cooling(headers: dict[str, str], seconds: float) -> None:
    assert cooling_s(headers, wall_time_s=NOW_S) == pytest.approx(seconds)
