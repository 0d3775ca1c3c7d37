import math

import pytest

from pointsman.dashboard.core import reading


def test_missing_and_foreign_kinds_are_none() -> None:
    odd: list[object] = [None, 3, "text", [], {"a": None}, {"a": [1]}, {"a": {"c": 1}}]
    for value in odd:
        assert reading.number_at(value, "a", "b") is None
        assert reading.text_at(value, "a", "b") is None
        assert reading.list_at(value, "a", "b") == []
        assert reading.mapping_at(value, "a", "b") == {}
        assert reading.truth_at(value, "a", "b") is None
        assert reading.time_at(value, "a", "b") is None


@pytest.mark.parametrize("value", [True, "3", math.nan, math.inf, 10**400, None])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    assert reading.number_at({"n": value}, "n") is None


def test_text_is_cut_to_what_can_be_shown() -> None:
    assert reading.text_at({"t": "x" * 501}, "t") == "x" * 500 + "…"
    assert reading.text_at({"t": "  "}, "t") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:00:10Z", 10.0), ("1970-01-01T00:00:10.500+00:00", 10.5), ("1970-01-01T00:00:10", 10.0), ("x", None)],
)
def test_times_are_iso_8601(text: str, seconds: float | None) -> None:
    assert reading.time_at({"t": text}, "t") == seconds
