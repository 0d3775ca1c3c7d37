import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.wildcards import matches_any


@pytest.mark.parametrize(
    ("pattern", "name", "is_match"),
    [
        ("gpt-4.1", "gpt-4.1", True),
        ("gpt-4.1", "gpt-4x1", False),
        ("gpt-4.1", "gpt-4.1-nano", False),
        ("gpt-*", "gpt-4.1-nano", True),
        ("*-nano", "gpt-4.1-nano", True),
        ("gpt-*-nano", "gpt-4.1-nano", True),
        ("g*4*n*o", "gpt-4.1-nano", True),
        ("a*a", "a", False),
        ("*", "", True),
        ("GPT-*", "gpt-4.1", False),
        ("[g]pt", "gpt", False),
        ("?pt", "gpt", False),
    ],
)
def test_a_pattern_matches_the_whole_name(pattern: str, name: str, is_match: bool) -> None:  # noqa: FBT001  # a table's column
    assert matches_any([pattern], name) is is_match


def test_no_pattern_matches_nothing() -> None:
    assert not matches_any([], "gpt")


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_matching_is_that_of_the_regular_expression(pattern: str, name: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None
    assert matches_any([pattern], name) is expected
