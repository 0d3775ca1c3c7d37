import pytest

from pointsman.rules.text_window import WINDOW_CHARACTER_COUNT, text_window


@pytest.mark.parametrize("length", [0, 1, 4_000])
def test_short_text_is_read_whole(length: int) -> None:
    assert text_window("x" * length) == "x" * length


def test_long_text_is_read_at_both_ends() -> None:
    window = text_window("a" * 5_000 + "b" * 5_000)

    assert window == "a" * WINDOW_CHARACTER_COUNT + "\n" + "b" * WINDOW_CHARACTER_COUNT
