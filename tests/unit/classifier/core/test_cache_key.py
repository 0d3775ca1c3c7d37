import time
from dataclasses import replace

import pytest

from pointsman.classifier.core.cache_key import SECRET_BYTES, Judges, cache_key, secret_of_program
from pointsman.classifier.core.turn import Turn
from pointsman.rules.text_window import WINDOW_CHARACTER_COUNT

SECRET = b"s" * SECRET_BYTES
JUDGES = Judges("hybrid", "setup", "artifact", "onnx-int8")
TURN = Turn("Sort a list", "we spoke of Python", "project")
LONG = "x" * WINDOW_CHARACTER_COUNT


def key_of(turn: Turn, judges: Judges = JUDGES, secret: bytes = SECRET) -> bytes:
    return cache_key(secret, turn, judges)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(key_of(replace(TURN, text="Sort a tuple")), id="text"),
        pytest.param(key_of(replace(TURN, text="sort a list")), id="case"),
        pytest.param(key_of(replace(TURN, text=" Sort a list")), id="indentation"),
        pytest.param(key_of(replace(TURN, context_digest="we spoke of Rust")), id="digest"),
        pytest.param(key_of(replace(TURN, cache_scope="stranger")), id="scope"),
        pytest.param(key_of(TURN, secret=secret_of_program(SECRET, "0.2.0")), id="program"),
        pytest.param(key_of(replace(TURN, cache_scope="projectSort", text=" a list")), id="where a part ends"),
        pytest.param(key_of(TURN, replace(JUDGES, strategy="similarity")), id="strategy"),
        pytest.param(key_of(TURN, replace(JUDGES, setup_version="other")), id="labels"),
        pytest.param(key_of(TURN, replace(JUDGES, artifact_version="other")), id="artifact"),
        pytest.param(key_of(TURN, replace(JUDGES, encoder="other")), id="encoder"),
        pytest.param(key_of(TURN, secret=b"t" * SECRET_BYTES), id="secret"),
    ],
)
def test_everything_that_a_judgement_depends_on_changes_the_key(other: bytes) -> None:
    assert other != key_of(TURN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(Turn(LONG + "a" * 9 + LONG), Turn(LONG + "b" * 99 + LONG), id="the middle, which is not read"),
        pytest.param(Turn("a" * 80, "one"), Turn("a" * 80, "other"), id="a digest that is not read"),
        pytest.param(Turn("a", "b" * 240), Turn("a", "b" * 241), id="the end of a digest, which is not read"),
    ],
)
def test_what_is_not_read_does_not_change_the_key(one: Turn, other: Turn) -> None:
    assert key_of(one) == key_of(other)


def test_key_is_a_word_that_tells_nothing_of_the_text() -> None:
    assert len(key_of(TURN)) == 48
    assert int(key_of(TURN), 16)


def test_text_that_composes_slowly_has_its_key_at_once() -> None:
    start_s = time.perf_counter()
    for index in range(64):
        key_of(Turn(f"{index}a" + "\u0315\u0301" * WINDOW_CHARACTER_COUNT))
    assert time.perf_counter() - start_s < 0.2  # 64 of them are one batch; composed first they would take 700 ms


def test_half_of_a_surrogate_pair_has_a_key() -> None:
    assert key_of(Turn("\ud800")) != key_of(Turn("\ud801"))
