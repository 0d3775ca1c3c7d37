import numpy as np
import pytest

from pointsman.learning.measuring.mixed_traffic import GAP_LEVEL, PairScores, at_threshold, cheapest_threshold

PERFECT = PairScores(np.array([4.0, 3.0, 2.0, 1.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0, 1.0]), np.ones(5))


def source(count: int, *, seed: int) -> PairScores:
    generator = np.random.default_rng(seed)
    weak = (generator.random(count) < 0.6).astype(np.float64)
    strong = np.where(generator.random(count) < 0.5, weak, 1.0)
    return PairScores(generator.normal(size=count) + strong - weak, weak, strong)


def test_hand_made_threshold() -> None:
    found = cheapest_threshold([PERFECT], cost_ratio=0.1, samples=20)

    assert found is not None
    assert found.threshold == 3.0
    assert found.strong_share.value == pytest.approx(0.4)
    assert found.gap_recovered.value == pytest.approx(2 / 3)
    assert found.quality.value == pytest.approx(0.8)
    assert found.saved_share.value == pytest.approx(1.0 - (0.4 + 0.6 * 0.1))


def test_sources_weigh_the_same_whatever_their_size() -> None:
    large = PairScores(np.tile(PERFECT.rank, 100), np.tile(PERFECT.weak, 100), np.tile(PERFECT.strong, 100))
    useless = PairScores(np.array([5.0, 5.0]), np.ones(2), np.ones(2))

    found = cheapest_threshold([large, useless], cost_ratio=0.0, samples=20)

    assert found is not None
    assert found.strong_share.value == pytest.approx(0.5 + 0.5 * 0.4)


def test_prompts_of_one_rank_go_together() -> None:
    found = cheapest_threshold([PairScores(np.zeros(4), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))], samples=20)

    assert found is not None
    assert (found.threshold, found.strong_share.value) == (0.0, 1.0)


def test_threshold_found_does_what_was_said() -> None:
    sources = [source(2_000, seed=1), source(100, seed=2)]

    found = cheapest_threshold(sources, samples=200)

    assert found is not None
    again = at_threshold(sources, found.threshold, samples=200)
    assert again is not None
    assert again.saved_share.value == pytest.approx(found.saved_share.value)
    assert again.gap_recovered.value == pytest.approx(found.gap_recovered.value)
    assert found.gap_recovered.value is not None
    assert found.gap_recovered.value >= GAP_LEVEL
    assert found.summary()["interval"][0] < found.summary()["saved_share"] < found.summary()["interval"][1]


def test_threshold_above_all_asks_the_weak_model_alone() -> None:
    found = at_threshold([PERFECT], 99.0, samples=20)

    assert found is not None
    assert (found.strong_share.value, found.gap_recovered.value, found.saved_share.value) == (0.0, 0.0, 0.95)


@pytest.mark.parametrize(
    "sources",
    [
        pytest.param([], id="no_source"),
        pytest.param([PERFECT, PairScores(np.zeros(0), np.zeros(0), np.zeros(0))], id="source_without_prompts"),
        pytest.param([PairScores(np.arange(3.0), np.ones(3), np.ones(3))], id="no_gap"),
    ],
)
def test_without_a_gap_there_is_no_threshold(sources: list[PairScores]) -> None:
    assert cheapest_threshold(sources, samples=20) is None
    assert at_threshold(sources, 0.5, samples=20) is None
