"""Parameters in the address: each is taken as it is meant, or refused by its name."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from starlette.requests import Request

from pointsman.gateway.rest.reports.parameters import Parameters
from pointsman.kit.errors import InvalidArgument

NAMES = ("time_range", "group_by", "limit", "from", "model", "cursor")


def parameters(query: str) -> Parameters:
    return Parameters(Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []}), *NAMES)


def unix_s(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T12:30:00", "2026-11-01T12:30:00+00:00"),
        ("2026-11-01T12:30:00Z", "2026-11-01T12:30:00+00:00"),
        ("2026-11-01T12:30:00.5Z", "2026-11-01T12:30:00.500000+00:00"),
        (quote("2026-11-01T12:30:00+02:00"), "2026-11-01T10:30:00+00:00"),
        ("2026-11-01T12:30:00+02:00", "2026-11-01T10:30:00+00:00"),  # the plus arrives as a blank
        ("2026-11-01T12:30:00-02:00", "2026-11-01T14:30:00+00:00"),
        ("1970-01-01", "1970-01-01T00:00:00+00:00"),
    ],
)
def test_days_and_times_are_taken_and_without_a_zone_they_are_of_utc(given: str, moment: str) -> None:
    assert parameters(f"from={given}").moment("from") == unix_s(moment)


@pytest.mark.parametrize("given", ["", "model=&from="])
def test_what_is_empty_counts_as_absent(given: str) -> None:
    read = parameters(given)
    assert (read.moment("from"), read.name("model"), read.cursor("cursor"), read.choices("group_by", ["model"])) == (None, None, "", ())
    assert (read.choice("group_by", ["model"]), read.integer("limit", least=1, most=9, default=5)) == (None, 5)
    assert read.time_range(default="1h").length_s == 3_600


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "1969-12-31", "0001-01-01T00:00:00+14:00", "9" * 400, "2026-11-01T25:00:00Z"])
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parameters(f"from={given}").moment("from")
    assert (refused.value.reason, refused.value.param) == ("invalid_value", "from")
    assert given not in refused.value.message


@pytest.mark.parametrize("given", ["0", "-1", "1e9", "1001", "+5", "5.0", " 5", "%D9%A1", "9" * 5_000])
def test_numbers_out_of_bounds_are_refused_not_clamped(given: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parameters(f"limit={given}").integer("limit", least=1, most=1_000, default=50)
    assert refused.value.param == "limit"


@pytest.mark.parametrize("given", ["size", "model,model", "model,", "Model", "model;key", "%%%%"])
def test_words_that_are_not_asked_for_are_refused(given: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parameters(f"group_by={given}").choices("group_by", ["model", "key"])
    assert refused.value.param == "group_by"


def test_words_keep_their_order() -> None:
    assert parameters("group_by=key,model").choices("group_by", ["model", "key"]) == ("key", "model")


@pytest.mark.parametrize("given", ["two%20words", "x%00", "x" * 257, "%0A"])
def test_what_is_no_id_is_refused(given: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parameters(f"model={given}").name("model")
    assert refused.value.param == "model"


def test_a_place_longer_than_any_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        parameters(f"cursor={'a' * 513}").cursor("cursor")


@pytest.mark.parametrize("query", ["limits=5", "%F0%9F%98%80=1", "limit=5&Limit=6"])
def test_an_unknown_parameter_is_refused_and_not_repeated(query: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parameters(query)
    assert refused.value.reason == "unknown_field"
    assert "limits" not in refused.value.message


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidArgument) as refused:
        parameters("limit=5&limit=5")
    assert refused.value.param == "limit"


def test_an_unknown_range_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidArgument, match="15m, 1h, 24h, 7d, 30d"):
        parameters("time_range=1y").time_range(default="1h")
