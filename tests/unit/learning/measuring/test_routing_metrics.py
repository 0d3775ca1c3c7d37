import time
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pointsman.learning.measuring.routing_metrics import (
    CPT_LEVELS,
    FIGURES,
    apgr,
    cpt,
    grid_figures,
    measured,
    pair_summary,
    paired_difference,
    sweep,
)

Pair = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

SCORES = st.sampled_from((0.0, 0.5, 1.0))
PROMPTS = st.lists(st.tuples(st.integers(0, 4), SCORES, SCORES), min_size=2, max_size=25)


def pair(count: int, *, skill: float = 0.5) -> Pair:
    """A rank with some skill, and scores of a weak and a strong model."""
    generator = np.random.default_rng(count)
    weak = (generator.random(count) < 0.6).astype(np.float64)
    strong = np.where(generator.random(count) < 0.5, weak, 1.0)
    return generator.normal(size=count) + skill * (strong - weak), weak, strong


def test_hand_made_curve() -> None:
    found = sweep([4.0, 3.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0])

    assert found.shares.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found.quality.tolist() == [0.5, 0.75, 0.75, 1.0, 1.0]
    assert found.recovered is not None
    assert found.recovered.tolist() == [0.0, 0.5, 0.5, 1.0, 1.0]


def test_area_and_thresholds_of_the_hand_made_curve() -> None:
    prompts = ([4.0, 3.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0])

    assert apgr(*prompts) == pytest.approx((0.25 + 0.5 + 0.75 + 1.0) * 0.25)
    assert [cpt(*prompts, level) for level in (0.0, 0.2, 0.5, 0.51, 1.0, 1.1)] == [0.0, 0.25, 0.25, 0.75, 0.75, None]


def test_rank_that_tells_nothing_is_worth_what_chance_is() -> None:
    _, weak, strong = pair(1_000)

    found = measured(np.zeros(1_000), weak, strong, samples=20)

    assert [found[name].value for name in FIGURES] == pytest.approx([0.5, 0.5, *CPT_LEVELS], abs=1e-3)


@given(PROMPTS, st.randoms())
def test_order_of_the_records_changes_nothing(prompts: list[tuple[int, float, float]], random: Random) -> None:
    shuffled = random.sample(prompts, len(prompts))

    assert pair_summary(*zip(*prompts, strict=True), samples=20) == pair_summary(*zip(*shuffled, strict=True), samples=20)


@given(PROMPTS)
def test_figures_are_those_of_the_curve(prompts: list[tuple[int, float, float]]) -> None:
    rank, weak, strong = (np.array(column, np.float64) for column in zip(*prompts, strict=True))

    found = measured(rank, weak, strong, samples=5)

    area = apgr(rank, weak, strong)
    assert found["apgr"].value == (None if area is None else pytest.approx(area))
    for level in CPT_LEVELS:
        share = cpt(rank, weak, strong, level)
        assert found[f"cpt{round(100 * level)}"].value == (None if share is None else pytest.approx(share))


@given(PROMPTS)
def test_random_order_among_equals_is_counted_by_expectation(prompts: list[tuple[int, float, float]]) -> None:
    rank, weak, strong = (np.array(column, np.float64) for column in zip(*prompts, strict=True))
    generator = np.random.default_rng(0)
    broken = [sweep(rank + generator.uniform(0.0, 0.5, len(rank)), weak, strong).quality for _ in range(300)]

    np.testing.assert_allclose(np.mean(broken, axis=0), sweep(rank, weak, strong).quality, atol=0.1)


@pytest.mark.parametrize(
    ("rank", "weak", "strong"),
    [
        pytest.param([], [], [], id="no_prompt"),
        pytest.param([1.0], [0.0], [1.0], id="one_prompt"),
        pytest.param([1.0, 2.0], [0.5, 0.5], [0.5, 0.5], id="no_gap"),
        pytest.param([1.0, 2.0], [1.0, 0.0], [0.0, 1.0], id="gap_of_0"),
        pytest.param([1.0, 2.0], [1.0, 1.0], [0.0, 0.0], id="strong_is_worse"),
    ],
)
def test_without_a_gap_there_is_nothing_to_recover(rank: list[float], weak: list[float], strong: list[float]) -> None:
    found = pair_summary(rank, weak, strong, samples=20)

    assert [found[name] for name in FIGURES[1:]] == [None] * 4
    assert [found[f"{name}_interval"] for name in FIGURES[1:]] == [None] * 4
    assert found["grid"] is None


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="not one length"):
        sweep([1.0, 2.0], [0.0], [1.0])


def test_grid_is_that_of_the_paper_s_code() -> None:
    rank, weak, strong = pair(400)
    edges = np.percentile(rank, np.arange(0, 101, 10))
    points = sorted(
        (100 * chosen.mean(), 100 * np.where(chosen, strong, weak).mean())
        for chosen in [*(rank >= edge for edge in edges[:-1]), rank > edges[-1]]
    )
    calls, accuracy = np.array(points).T
    below, above = 100 * weak.mean(), 100 * strong.mean()
    area, weak_area, strong_area = (np.trapezoid(line, calls / 100) for line in (accuracy, np.full(11, below), np.full(11, above)))

    found = grid_figures(rank, weak, strong)

    assert found is not None
    assert found["apgr"] == pytest.approx((area - weak_area) / (strong_area - weak_area))
    assert found["cpt50"] == pytest.approx(np.interp(below + 0.5 * (above - below), accuracy, calls) / 100)


def test_grid_refuses_quantiles_that_coincide() -> None:
    _, weak, strong = pair(400)

    assert grid_figures(np.arange(400) % 3, weak, strong) is None


def test_interval_holds_the_figure_and_narrows_with_more_prompts() -> None:
    few, many = (measured(*pair(count), samples=300)["apgr"] for count in (300, 5_000))

    assert few.value is not None
    assert few.interval is not None
    assert many.interval is not None
    assert few.interval[0] < few.value < few.interval[1]
    assert many.interval[1] - many.interval[0] < (few.interval[1] - few.interval[0]) / 2


def test_paired_difference_sees_what_separate_intervals_hide() -> None:
    rank, weak, strong = pair(2_000)
    other = rank + np.random.default_rng(1).normal(0.0, 0.7, 2_000)

    first, second = (measured(ranks, weak, strong, samples=300)["apgr"].interval for ranks in (rank, other))
    found = paired_difference(rank, other, weak, strong, samples=300)

    assert first is not None
    assert second is not None
    assert first[0] < second[1]
    assert found["apgr"].interval is not None
    assert found["apgr"].interval[0] > 0.0
    assert paired_difference(rank, rank, weak, strong, samples=20)["cpt50"].interval == (0.0, 0.0)


def test_a_thousand_samples_of_seven_thousand_prompts_take_seconds() -> None:
    prompts = pair(7_000)
    start = time.process_time()

    measured(*prompts, samples=1_000)

    assert time.process_time() - start < 10.0
