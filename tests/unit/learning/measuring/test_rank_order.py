import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.learning.measuring.rank_order import auroc, rank_order, weighted_auroc

RANKS = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=30)


def test_equal_ranks_are_one_block() -> None:
    order = rank_order([0.2, 0.9, 0.2, 0.5])

    assert order.starts.tolist() == [0, 1, 2]
    assert order.block_sums(np.array([[1.0, 2.0, 4.0, 8.0]])).tolist() == [[2.0, 8.0, 5.0]]


def test_no_prompts_are_no_blocks() -> None:
    order = rank_order([])

    assert order.starts.tolist() == []
    assert order.block_sums(np.zeros((3, 0))).shape == (3, 0)


def test_rank_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="rank"):
        rank_order([1.0, np.nan])


@given(RANKS)
def test_auroc_is_the_share_of_pairs_in_order(prompts: list[tuple[int, bool]]) -> None:
    ranks, labels = zip(*prompts, strict=True)
    pairs = [(a > b) + 0.5 * (a == b) for a, above in prompts for b, below in prompts if above and not below]

    assert auroc(ranks, labels) == (pytest.approx(np.mean(pairs)) if pairs else None)


@given(RANKS, st.data())
def test_weights_count_like_repeated_prompts(prompts: list[tuple[int, bool]], data: st.DataObject) -> None:
    ranks, labels = (np.array(column, np.float64) for column in zip(*prompts, strict=True))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(ranks), max_size=len(ranks))))

    found = weighted_auroc(rank_order(ranks), labels, weights[None, :].astype(np.float64))[0]

    repeated = auroc(np.repeat(ranks, weights), np.repeat(labels, weights))
    assert np.isnan(found) if repeated is None else found == pytest.approx(repeated)
