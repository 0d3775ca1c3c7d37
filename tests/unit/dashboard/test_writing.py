import pytest

from pointsman.dashboard.core import writing


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        (0, "$0"),
        (1234.5, "$1,234"),
        (12.345, "$12.35"),
        (0.37, "$0.37"),
        (0.0148, "$0.015"),
        (0.01, "$0.010"),
        (0.00999, "$0.0100"),
        (0.000_123, "$0.00012"),
        (0.000_000_001, "$0.000000001"),
        (1e-12, "<$0.000000001"),
        (-0.5, "-$0.50"),
    ],
)
def test_money_keeps_two_digits_that_count(value: float | None, written: str) -> None:
    assert writing.money(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "–"), (0.0, "0 %"), (1.0, "100 %"), (0.9999, "99.9 %"), (0.0001, "0.1 %"), (0.985, "98.5 %")],
)
def test_share_that_is_not_all_is_never_written_as_all(value: float | None, written: str) -> None:
    assert writing.share(value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(None, "–"), (0, "0 ms"), (0.42, "0.4 ms"), (410.4, "410 ms"), (1250, "1.25 s"), (123_456, "123 s")]
)
def test_milliseconds_turn_into_seconds_where_these_are_easier_to_read(value: float | None, written: str) -> None:
    assert writing.milliseconds(value) == written


@pytest.mark.parametrize(("value", "written"), [(None, "–"), (9_800, "9,800"), (12_340, "12.3k"), (5_600_000, "5.6M"), (7.1e9, "7.1G")])
def test_tokens_are_written_short(value: float | None, written: str) -> None:
    assert writing.tokens(value) == written


@pytest.mark.parametrize(("value", "written"), [(None, "–"), (9, "9 B"), (1536, "1.5 KiB"), (200 << 20, "200 MiB"), (3 << 30, "3.0 GiB")])
def test_size_has_the_unit_that_fits(value: float | None, written: str) -> None:
    assert writing.size(value) == written


@pytest.mark.parametrize(
    ("age_s", "written"),
    [(-5, "now"), (0.4, "now"), (12, "12 s ago"), (119, "119 s ago"), (600, "10 min ago"), (7_200, "2 h ago")],
)
def test_age_is_told_in_one_unit(age_s: float, written: str) -> None:
    assert writing.ago(1_000_000 - age_s, 1_000_000) == written


def test_absolute_time_is_utc_and_an_impossible_one_is_left_out() -> None:
    assert writing.absolute(0) == "1970-01-01 00:00:00 UTC"
    assert writing.absolute(1e20) == writing.absolute(None) == ""


@pytest.mark.parametrize(("value", "written"), [(None, "–"), (0, "0"), (0.25, "0.2"), (99.94, "99.9"), (1234.4, "1,234")])
def test_rate_has_a_decimal_only_where_it_is_small(value: float | None, written: str) -> None:
    assert writing.rate(value) == written
