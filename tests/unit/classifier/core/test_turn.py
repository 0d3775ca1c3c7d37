import pytest

from pointsman.classifier.core.turn import DIGEST_CHARACTERS, SHORT_TURN_CHARACTERS, Turn


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        pytest.param(Turn("now in Rust"), "now in Rust", id="nothing came before"),
        pytest.param(Turn("now in Rust", "sort a list"), "now in Rust\nsort a list", id="short turn"),
        pytest.param(Turn("now in Rust", "x" * 2000), "now in Rust\n" + "x" * DIGEST_CHARACTERS, id="long digest"),
        pytest.param(Turn("x" * SHORT_TURN_CHARACTERS, "before"), "x" * SHORT_TURN_CHARACTERS, id="a turn that speaks for itself"),
        pytest.param(Turn("a" * 2000 + "-" * 9 + "z" * 2000), "a" * 2000 + "\n" + "z" * 2000, id="long text"),
    ],
)
def test_encoder_sees_the_text_and_for_a_short_one_what_came_before(turn: Turn, expected: str) -> None:
    assert turn.text_to_embed == expected
