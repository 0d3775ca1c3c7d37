"""Page tokens."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.ledger.core.decision_pages import BEFORE_ALL, MAX_INT64, DecisionFilter, InvalidPageToken, Position, page_token, position_of

ALL = DecisionFilter()
NUMBERS = st.integers(-MAX_INT64, MAX_INT64)


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


@given(NUMBERS, NUMBERS, st.text(max_size=5))
def test_token_names_its_place(create_time_ns: int, sequence: int, project_id: str) -> None:
    conditions = DecisionFilter(project_id=project_id)
    position = Position(create_time_ns, sequence)
    assert position_of(page_token(position, conditions), conditions) == position


def test_no_token_names_the_beginning() -> None:
    assert position_of("", ALL) == BEFORE_ALL


def test_token_of_another_query_is_refused() -> None:
    token = page_token(Position(1, 1), DecisionFilter(project_id="a"))
    with pytest.raises(InvalidPageToken, match="other conditions"):
        position_of(token, DecisionFilter(request_id="a"))


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not a token",
        "é",
        "=" * 9,
        encoded([]),
        encoded({}),
        encoded(None),
        encoded([1, 2]),
        encoded([1, True, ALL.digest]),
        encoded([1, 2**63, ALL.digest]),
        encoded([1.5, 2, ALL.digest]),
        encoded([1, 2, 3]),
        encoded(["1", "2", ALL.digest]),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        position_of(token, ALL)


@given(st.text())
def test_any_text_is_a_place_or_refused(token: str) -> None:
    with contextlib.suppress(InvalidPageToken):
        assert isinstance(position_of(token, ALL), Position)
