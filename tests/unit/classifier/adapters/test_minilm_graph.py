import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pointsman.classifier.adapters.minilm_files import SHAPE
from pointsman.classifier.adapters.minilm_graph import INT8_MAX, build_bert, quantize

matrices = arrays.arrays(np.float32, (3, 8), elements=st.floats(-50, 50, width=32))


@given(matrices, st.sampled_from([0, 1]))
def test_quantised_values_are_within_half_a_step(matrix: np.ndarray[tuple[int, ...], np.dtype[np.float32]], axis: int) -> None:
    values, scales = quantize(matrix, axis=axis)
    assert values.dtype == np.int8
    assert np.abs(values.astype(np.int16)).max() <= INT8_MAX
    assert np.all(np.abs(values * scales - matrix) <= scales * 0.501 + 1e-30)


def test_zeros_stay_zeros() -> None:
    values, scales = quantize(np.zeros((2, 4), np.float32), axis=1)
    assert not values.any()
    assert np.isfinite(scales).all()


def test_missing_tensor_is_named() -> None:
    with pytest.raises(KeyError, match=r"embeddings\.word_embeddings\.weight"):
        build_bert({}, SHAPE, lambda _: None)
