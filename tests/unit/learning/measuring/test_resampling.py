import numpy as np
import pytest

from pointsman.learning.measuring.resampling import CHUNK_CELLS, Figure, figure_of, interval_of, resampled


def test_each_sample_draws_as_many_prompts_as_there_are() -> None:
    weights = np.concatenate(list(resampled(7, samples=50)))

    assert weights.shape == (50, 7)
    assert set(weights.sum(axis=1)) == {7.0}
    assert weights.mean() == 1.0


def test_samples_come_in_parts_and_are_the_same_each_time() -> None:
    count = CHUNK_CELLS // 4

    parts = [part.shape[0] for part in resampled(count, samples=6)]

    assert parts == [4, 2]
    assert np.array_equal(next(iter(resampled(9, seed=3))), next(iter(resampled(9, seed=3))))
    assert not np.array_equal(next(iter(resampled(9, seed=3))), next(iter(resampled(9, seed=4))))


def test_no_prompts_give_no_samples() -> None:
    assert list(resampled(0)) == []


@pytest.mark.parametrize(("undefined", "is_known"), [(0, True), (5, True), (6, False), (100, False)])
def test_interval_needs_nearly_all_samples_to_have_the_figure(undefined: int, *, is_known: bool) -> None:
    values = np.linspace(0.0, 1.0, 100)
    values[:undefined] = np.nan

    assert (interval_of(values) is not None) is is_known


def test_figure_without_a_value_has_no_interval() -> None:
    assert figure_of(np.nan, np.ones(3)) == Figure(None)
    assert figure_of(0.5, np.ones(3)) == Figure(0.5, (1.0, 1.0))
    assert Figure(0.123456, (0.1, 0.98765)).rounded() == (0.1235, [0.1, 0.9877])
    assert Figure(None).rounded() == (None, None)
