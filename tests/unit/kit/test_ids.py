import re

from pointsman.kit.ids import new_id


def test_an_id_is_its_prefix_and_32_hexadecimal_digits() -> None:
    assert re.fullmatch(r"req_[0-9a-f]{32}", new_id("req"))


def test_ids_differ() -> None:
    assert len({new_id("req") for _ in range(1_000)}) == 1_000
