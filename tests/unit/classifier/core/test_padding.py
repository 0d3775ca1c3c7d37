import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.padding import Shapes, padded_batches, shapes_up_to, without_middle

ON_A_GPU = Shapes((1, 4, 16, 64), (16, 32, 64, 128, 256), max_cells=16_384, mixes_lengths=True)
ON_A_CPU = Shapes(tuple(range(1, 33)), (16, 32, 64, 128, 256), max_cells=1_024, mixes_lengths=False)
counts = st.lists(st.integers(1, 256), max_size=200)


@given(counts, st.sampled_from([ON_A_GPU, ON_A_CPU]))
def test_every_text_is_in_one_batch_of_a_known_shape_that_holds_it(token_counts: list[int], shapes: Shapes) -> None:
    batches = padded_batches(token_counts, shapes)
    assert sorted(position for batch in batches for position in batch.positions) == list(range(len(token_counts)))
    for batch in batches:
        assert (batch.row_count in shapes.row_counts, batch.length in shapes.lengths) == (True, True)
        assert len(batch.positions) <= batch.row_count
        assert len(batch.positions) == 1 or len(batch.positions) * batch.length <= shapes.max_cells
        assert max(token_counts[position] for position in batch.positions) <= batch.length


@given(counts)
def test_on_a_cpu_no_text_is_padded_beyond_its_own_length(token_counts: list[int]) -> None:
    for batch in padded_batches(token_counts, ON_A_CPU):
        alone = [padded_batches([token_counts[position]], ON_A_CPU)[0].length for position in batch.positions]
        assert set(alone) == {batch.length}
        assert batch.row_count == len(batch.positions)


def test_on_a_gpu_few_texts_are_one_batch() -> None:
    (batch,) = padded_batches([200, 3, 40], ON_A_GPU)
    assert (batch.positions, batch.row_count, batch.length) == ((1, 2, 0), 4, 256)


def test_text_above_the_longest_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="257 is more than 256"):
        padded_batches([257], ON_A_CPU)


@pytest.mark.parametrize(
    ("limit", "expected"), [(256, (16, 32, 64, 128, 256)), (62, (16, 32, 62)), (10, (10,)), (1_000, (16, 32, 64, 128, 1_000))]
)
def test_longest_shape_is_the_models_limit(limit: int, expected: tuple[int, ...]) -> None:
    assert shapes_up_to(limit, (16, 32, 64, 128) if limit != 256 else (16, 32, 64, 128, 256, 512)) == expected


@given(st.lists(st.integers(), max_size=30), st.integers(2, 20))
def test_what_is_too_long_keeps_its_ends(ids: list[int], limit: int) -> None:
    kept = without_middle(ids, limit)
    assert len(kept) == min(len(ids), limit)
    if len(ids) > limit:
        assert (kept[0], kept[-1]) == (ids[0], ids[-1])
    else:
        assert list(kept) == ids
