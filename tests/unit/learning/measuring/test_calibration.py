import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.learning.measuring.calibration import FOLDS, Goal, Judged, _between, propose


def judged(count: int, *, seed: int = 0) -> Judged:
    """A weak model that answers well as often as was said, and a strong one that nearly always does."""
    generator = np.random.default_rng(seed)
    success = generator.random(count)
    return Judged(success, (generator.random(count) < success).astype(np.float64), (generator.random(count) < 0.95).astype(np.float64))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.75, 1.0])
def test_wanted_share_of_calls_goes_to_the_strong_model(share: float) -> None:
    source = judged(2_000)

    found = propose([source], Goal(strong_share=share), samples=50)

    assert found is not None
    assert (source.success < found.threshold).mean() == pytest.approx(share, abs=1e-3)
    assert found.expected.strong_share.value == pytest.approx(share, abs=0.02)
    assert found.expected.saved_share.value == pytest.approx((1.0 - share) * 0.95, abs=0.02)


@pytest.mark.parametrize("quality", [0.2, 0.5, 0.8, 0.95])
def test_wanted_quality_is_reached_at_the_lowest_threshold(quality: float) -> None:
    source = judged(2_000)

    found = propose([source], Goal(quality=quality), samples=50)

    assert found is not None
    gain = source.strong - source.weak
    assert gain[source.success < found.threshold].sum() >= quality * gain.sum() - 1e-6
    below = np.sort(source.success[source.success < found.threshold])[-1]
    assert gain[source.success < below].sum() < quality * gain.sum()
    assert found.expected.gap_recovered.value == pytest.approx(quality, abs=0.05)


def test_figures_come_from_prompts_that_did_not_choose() -> None:
    # One prompt of 40 makes all of the gap: chosen with it in view, a threshold would always catch it.
    weak = np.ones(40)
    weak[7] = 0.0
    source = Judged(np.linspace(0.9, 0.1, 40), weak, np.ones(40))

    found = propose([source], Goal(quality=1.0), samples=20)

    assert found is not None
    assert source.success[7] < found.threshold
    assert found.expected.gap_recovered.value == 0.0


def test_sources_weigh_the_same_whatever_their_size() -> None:
    found = propose([judged(2_000), judged(100, seed=1)], Goal(strong_share=0.3), samples=50)

    assert found is not None
    share = np.mean([(source.success < found.threshold).mean() for source in (judged(2_000), judged(100, seed=1))])
    assert share == pytest.approx(0.3, abs=0.01)
    assert found.prompt_count == 2_100


def test_proposal_is_written_as_json() -> None:
    found = propose([judged(500)], Goal(strong_share=0.4), samples=50)

    assert found is not None
    written = json.loads(json.dumps(found.as_object()))
    assert written["routing_threshold"] == found.threshold
    assert written["weak_quality"] < written["quality"] < written["strong_quality"]
    assert written["saved_share_interval"][0] < written["saved_share"] < written["saved_share_interval"][1]


@pytest.mark.parametrize(
    "sources",
    [
        pytest.param([], id="none"),
        pytest.param([Judged(np.zeros(0), np.zeros(0), np.zeros(0))], id="no_prompts"),
        pytest.param([Judged(np.linspace(0.0, 1.0, 30), np.ones(30), np.ones(30))], id="no_gap"),
    ],
)
def test_without_a_gap_nothing_is_proposed(sources: list[Judged]) -> None:
    assert propose(sources, Goal(strong_share=0.3), samples=20) is None


@pytest.mark.parametrize("count", range(1, FOLDS + 1))
def test_few_prompts_are_no_failure(count: int) -> None:
    source = Judged(np.full(count, 0.5), np.zeros(count), np.ones(count))

    found = propose([source], Goal(quality=0.8), samples=20)

    assert found is not None
    assert found.threshold > 0.5


def test_certain_success_is_never_sent_to_the_strong_model() -> None:
    found = propose([Judged(np.array([0.2, 1.0, 1.0]), np.zeros(3), np.ones(3))], Goal(strong_share=1.0), samples=20)

    assert found is not None
    assert 0.2 < found.threshold <= 1.0


@pytest.mark.parametrize("goal", [(None, None), (0.3, 0.8)])
def test_goal_is_one_of_two(goal: tuple[float | None, float | None]) -> None:
    with pytest.raises(ValueError, match="either"):
        Goal(*goal)


@given(st.lists(st.floats(0.0, 0.999), min_size=1, max_size=20, unique=True), st.data())
def test_shortest_number_cuts_where_it_should(found: list[float], data: st.DataObject) -> None:
    values = np.sort(np.array(found))
    cut = data.draw(st.integers(0, len(values)))

    threshold = _between(values, cut)

    assert (values < threshold).sum() == cut
    assert 0.0 <= threshold <= 1.0
