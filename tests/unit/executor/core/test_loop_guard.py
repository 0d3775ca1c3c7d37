"""Answers that would not end."""

from pointsman.executor.core.loop_guard import LoopGuard


def cut_after(guard: LoopGuard, pieces: list[str]) -> int | None:
    """The number of pieces after which the answer is cut."""
    return next((number for number, piece in enumerate(pieces, 1) if guard.is_endless(piece)), None)


def test_identical_pieces_are_cut_past_both_limits() -> None:
    assert cut_after(LoopGuard(None), ["x" * 30] * 200) == 100
    assert cut_after(LoopGuard(None), ["again "] * 1_000) == 334
    assert cut_after(LoopGuard(None), ["-"] * 2_000) is None


def test_other_pieces_between_begin_the_count_anew() -> None:
    assert cut_after(LoopGuard(None), (["x" * 30] * 99 + ["y"]) * 5) is None


def test_answer_is_cut_at_sixteen_characters_for_each_token_allowed() -> None:
    assert cut_after(LoopGuard(10), [f"{number:04}" for number in range(100)]) == 41
    assert cut_after(LoopGuard(None), [f"{number:04}" for number in range(10_000)]) is None
