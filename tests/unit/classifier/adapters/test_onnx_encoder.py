import pytest

from pointsman.classifier.adapters.onnx_encoder import int8_saturates


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        pytest.param("x86_64", "sse2 avx avx2 fma", True, id="AVX2 alone"),
        pytest.param("AMD64", "", True, id="x86 that does not tell"),
        pytest.param("x86_64", "avx2 avx512_vnni", False, id="AVX-512 VNNI"),
        pytest.param("x86_64", "avx2 avx_vnni", False, id="AVX VNNI"),
        pytest.param("aarch64", "asimd asimddp", False, id="ARM"),
    ],
)
def test_exact_kernels_are_taken_where_products_saturate(machine: str, flags: str, *, expected: bool) -> None:
    assert int8_saturates(machine, flags) is expected
