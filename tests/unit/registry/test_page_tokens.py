import base64
import json

import pytest

from pointsman.kit.errors import InvalidArgument
from pointsman.registry.servicer.page_tokens import AUDIT_ENTRIES, BEFORE_ALL, VERSIONS, page_size_of, page_token, position_of


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_token_leads_back_to_its_place() -> None:
    assert position_of(page_token(VERSIONS, "e", 7), VERSIONS, "e") == 7
    assert position_of("", VERSIONS, "e") == BEFORE_ALL


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("%%%%", id="no-base64"),
        pytest.param("A", id="cut"),
        pytest.param("ä", id="no-ascii"),
        pytest.param(encoded("text"), id="no-list"),
        pytest.param(encoded([1, 2]), id="short"),
        pytest.param(encoded([VERSIONS, "e", "7"]), id="text-for-a-number"),
        pytest.param(encoded([VERSIONS, "e", True]), id="true"),
        pytest.param(encoded([VERSIONS, "e", 7.0]), id="fraction"),
        pytest.param(encoded([VERSIONS, "e", 0]), id="zero"),
        pytest.param(encoded([VERSIONS, "e", 2**63]), id="beyond-64-bits"),
        pytest.param(encoded([VERSIONS, ["e"], 7]), id="list-for-an-epoch"),
        pytest.param("W" * 100_000, id="long"),
        pytest.param(page_token(AUDIT_ENTRIES, "e", 7), id="of-another-list"),
        pytest.param(page_token(VERSIONS, "f", 7), id="of-another-store"),
    ],
)
def test_a_token_that_was_not_made_for_this_list_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        position_of(token, VERSIONS, "e")
    assert refusal.value.param == "page_token"


def test_the_size_of_a_page_is_bounded_and_has_a_default() -> None:
    assert [page_size_of(asked) for asked in (0, 1, 1000)] == [50, 1, 1000]
    for asked in (-1, 1001, 10**9):
        with pytest.raises(InvalidArgument):
            page_size_of(asked)
