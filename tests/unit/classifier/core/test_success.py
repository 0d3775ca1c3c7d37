import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pointsman.classifier.core.success import MAX_DIFFICULTY_LOGIT, MAX_DISCRIMINATION, MIN_DISCRIMINATION, SuccessNetwork


def float32(*values: object) -> NDArray[np.float32]:
    return np.array(values, np.float32)


# Of one input x: hidden max(0, 2x - 1); logits of the skills (x, 0); b = hidden + 0.5; ln a = 0.
NETWORK = SuccessNetwork(
    skills=("law", "chess"),
    hidden=float32([2.0]),
    hidden_bias=float32(-1.0),
    outputs=float32([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]),
    output_bias=float32(0.0, 0.0, 0.5, 0.0),
    skill_difficulty=float32(1.0, -1.0),
)


def test_demand_by_hand() -> None:
    # x = ln 3: weights 3/4 and 1/4; b = (2 ln 3 - 1) + 0.5 + 3/4 - 1/4.
    demand = NETWORK.demand(float32(math.log(3)))
    assert demand.skill_weights == pytest.approx((0.75, 0.25))
    assert demand.difficulty_logit == pytest.approx(2 * math.log(3))
    assert demand.discrimination == pytest.approx(1.0)


def test_hidden_units_are_silent_below_their_bound() -> None:
    # x = -ln 3: hidden 0; weights 1/4 and 3/4; b = 0.5 + 1/4 - 3/4.
    assert NETWORK.demand(float32(-math.log(3))).difficulty_logit == pytest.approx(0.0, abs=1e-6)


def test_many_prompts_at_once_are_as_each_alone() -> None:
    inputs = float32([-1.0], [0.3], [2.0])
    weights, b, a = NETWORK.apply(inputs)
    for row, shares, difficulty, discrimination in zip(inputs, weights, b, a, strict=True):
        demand = NETWORK.demand(row)
        assert demand.skill_weights == pytest.approx(tuple(shares.tolist()))
        assert (demand.difficulty_logit, demand.discrimination) == pytest.approx((difficulty, discrimination))


@given(st.floats(-1e6, 1e6, width=32))
def test_whatever_is_read_the_demand_is_within_bounds(x: float) -> None:
    demand = replace(NETWORK, outputs=float32([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0])).demand(float32(x))
    assert abs(demand.difficulty_logit) <= MAX_DIFFICULTY_LOGIT
    assert MIN_DISCRIMINATION - 1e-9 <= demand.discrimination <= MAX_DISCRIMINATION + 1e-9
    assert sum(demand.skill_weights) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"skills": ("law",)}, id="other skills"),
        pytest.param({"hidden_bias": float32(0.0, 0.0)}, id="other hidden units"),
        pytest.param({"outputs": float32([1.0, 0.0, 0.0, 0.0])}, id="too few rows"),
        pytest.param({"output_bias": float32(0.0, 0.0, 0.5)}, id="other bias"),
        pytest.param({"skill_difficulty": float32(1.0)}, id="other difficulties"),
        pytest.param({"hidden": float32([np.nan])}, id="a weight that is no number"),
        pytest.param({"hidden": float32(2.0)}, id="flat weights"),
    ],
)
def test_parts_that_make_no_network_are_refused(change: dict[str, NDArray[np.float32]]) -> None:
    with pytest.raises(ValueError, match=r".*"):
        replace(NETWORK, **change)  # type: ignore[arg-type]  # the names are a network's
