import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.learning.measuring.success_metrics import (
    MIN_ANSWERS_OF_A_KIND,
    auroc_by_model,
    brier,
    calibration_error,
    reliability,
    success_figures,
    success_summary,
)

Matrix = NDArray[np.float64]


def answers(count: int, models: int = 3) -> tuple[Matrix, Matrix, NDArray[np.bool_]]:
    """Probabilities that mean what they say, and one answer of five missing."""
    generator = np.random.default_rng(count)
    predicted = generator.random((count, models))
    score = (generator.random((count, models)) < predicted).astype(np.float64)
    return predicted, score, generator.random((count, models)) < 0.8


def test_what_is_not_answered_does_not_count() -> None:
    predicted, score, mask = answers(200)
    blank_predicted, blank_score = (np.where(mask, values, np.nan) for values in (predicted, score))

    assert success_summary(blank_predicted, blank_score, mask, samples=20) == success_summary(predicted, score, mask, samples=20)


def test_hand_made_figures() -> None:
    predicted, score = np.array([[0.9, 0.2], [0.6, 0.4]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    everything = np.ones((2, 2), np.bool_)

    assert brier(predicted, score, everything) == pytest.approx((0.01 + 0.04 + 0.36 + 0.36) / 4)
    assert calibration_error(predicted, score, everything) == pytest.approx((0.1 + 0.2 + 0.6 + 0.6) / 4)


def test_answers_of_one_bin_make_up_for_each_other() -> None:
    everything = np.ones((4, 1), np.bool_)

    assert calibration_error(np.full((4, 1), 0.75), np.array([[1.0], [1.0], [1.0], [0.0]]), everything) == pytest.approx(0.0)


def test_curve_counts_every_answer_once_and_both_ends() -> None:
    found = reliability(np.array([[0.0], [1.0], [0.5], [1.0]]), np.array([[0.0], [1.0], [1.0], [0.5]]), np.ones((4, 1), np.bool_))

    assert found.count.tolist() == [1, *[0] * 6, 1, *[0] * 6, 2]
    assert (found.predicted[0], found.share_right[7], found.share_right[14]) == (0.0, 1.0, 0.75)
    assert np.isnan(found.predicted[1])


def test_probabilities_that_mean_what_they_say_lie_on_the_diagonal() -> None:
    predicted, score, mask = answers(5_000)

    found = reliability(predicted, score, mask)

    np.testing.assert_allclose(found.predicted, found.share_right, atol=0.06)
    error = calibration_error(predicted, score, mask)
    assert error is not None
    assert error < 0.03


@pytest.mark.parametrize(("wrong_count", "is_counted"), [(MIN_ANSWERS_OF_A_KIND, True), (MIN_ANSWERS_OF_A_KIND - 1, False)])
def test_model_with_few_wrong_answers_is_not_counted(wrong_count: int, *, is_counted: bool) -> None:
    score = np.ones((40, 1))
    score[:wrong_count] = 0.49

    found = auroc_by_model(np.linspace(0.0, 1.0, 40)[:, None], score, np.ones((40, 1), np.bool_))

    assert found.tolist() == [1.0] if is_counted else np.isnan(found).all()


def test_mean_is_over_the_models_that_count() -> None:
    predicted, score, mask = answers(400)
    mask[10:, 2] = False

    found, by_model = success_summary(predicted, score, mask, samples=20), auroc_by_model(predicted, score, mask)

    assert np.isnan(by_model).tolist() == [False, False, True]
    assert found["auroc"] == round(float(by_model[:2].mean()), 4)
    assert (found["models"], found["counted_models"], found["answers"]) == (3, 2, int(mask.sum()))


def test_intervals_hold_the_figures() -> None:
    for name, figure in success_figures(*answers(600), samples=200).items():
        assert figure.value is not None
        assert figure.interval is not None
        assert figure.interval[0] < figure.value + (0.01 if name == "ece" else 0.0)
        assert figure.interval[1] > figure.value


def test_no_answer_has_no_figure() -> None:
    nothing = np.zeros((0, 2))

    assert brier(nothing, nothing, nothing.astype(np.bool_)) is None
    assert calibration_error(nothing, nothing, nothing.astype(np.bool_)) is None
    assert success_summary(np.ones((2, 2)), np.ones((2, 2)), np.zeros((2, 2), np.bool_), samples=20)["ece"] is None
    assert success_summary(nothing, nothing, nothing.astype(np.bool_))["auroc_interval"] is None


def test_answer_without_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="predicted"):
        brier(np.full((1, 1), np.nan), np.ones((1, 1)), np.ones((1, 1), np.bool_))
