import re

from pointsman.kit.ids import new_id


def test_an_id_is_its_prefix_and_26_lower_case_base32_characters() -> None:
    assert re.fullmatch(r"req_[a-z2-7]{26}", new_id("req"))


def test_ids_differ() -> None:
    assert len({new_id("req") for _ in range(1_000)}) == 1_000
