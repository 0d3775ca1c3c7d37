import numpy as np
import pytest

from pointsman.learning.fitting.adam import WARM_UP_SHARE, Adam, rate_share


def test_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = [rate_share(step / 100) for step in range(101)]

    peak = int(np.argmax(rates))
    assert peak == round(100 * WARM_UP_SHARE)
    assert rates[peak] == 1.0
    assert 0.0 < rates[0] < 0.1
    assert rates[-1] == pytest.approx(0.0)
    assert (np.diff(rates[: peak + 1]) > 0.0).all()
    assert (np.diff(rates[peak:]) < 0.0).all()


def test_least_of_a_bowl_is_found() -> None:
    weights = {"x": np.array([3.0, -2.0], np.float32)}
    adam = Adam(weights, 500, peak_rate=0.1, rates={})

    for _ in range(500):
        adam.step({"x": np.array([2.0, 20.0], np.float32) * (weights["x"] - np.array([1.0, 0.5], np.float32))})

    assert weights["x"].tolist() == pytest.approx([1.0, 0.5], abs=1e-2)


def test_first_step_has_the_length_of_the_rate_whatever_the_gradient() -> None:
    weights = {name: np.zeros(1, np.float32) for name in ("slow", "fast")}

    Adam(weights, 10, peak_rate=0.1, rates={"fast": 5.0}).step({name: np.full(1, 1e-3, np.float32) for name in weights})

    assert weights["slow"][0] == pytest.approx(-0.1 * rate_share(0.1), rel=1e-3)
    assert weights["fast"][0] == pytest.approx(5.0 * weights["slow"][0], rel=1e-3)
