"""Names of the mock's models, and what they ask for."""

import pytest

from tests.fakes.provider.behaviour import LISTED_NAMES, Behaviour, behaviour_of, is_hit


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ok", Behaviour("ok")),
        ("ok-20", Behaviour("ok", "20")),
        ("err429-Wed, 21 Oct 2015 07:28:00 GMT", Behaviour("err429", "Wed, 21 Oct 2015 07:28:00 GMT")),
        ("err429--5", Behaviour("err429", "-5")),
        ("s_cut-3-rst", Behaviour("s_cut", "3-rst")),
        ("err400-context", Behaviour("err400", "context")),
    ],
)
def test_name_is_kind_and_parameter(name: str, expected: Behaviour) -> None:
    assert behaviour_of(name) == expected


@pytest.mark.parametrize("name", ["", "gpt-4o", "ok-many", "err500-101", "garbage", "garbage-nonsense", "s_cut", "hang-3", "okay"])
def test_name_that_asks_for_nothing_known_is_no_behaviour(name: str) -> None:
    assert behaviour_of(name) is None


def test_every_listed_name_is_a_behaviour() -> None:
    assert [name for name in LISTED_NAMES if behaviour_of(name) is None] == []


@pytest.mark.parametrize("percent", [0, 1, 10, 33, 50, 100])
def test_exactly_so_many_of_each_hundred_requests_fail(percent: int) -> None:
    assert sum(is_hit(number, percent) for number in range(1, 101)) == percent
