import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.lifetime import lifetime_s


@pytest.mark.parametrize(("share", "expected_s"), [(0.0, 3240.0), (0.5, 3600.0), (1.0, 3960.0)])
def test_lifetimes_are_spread_by_a_tenth(share: float, expected_s: float) -> None:
    assert lifetime_s(3600, share) == pytest.approx(expected_s)


@given(st.integers(1, 10**7), st.floats(0, 1))
def test_lifetime_is_never_nothing(ttl_s: int, share: float) -> None:
    assert lifetime_s(ttl_s, share) >= 0.9 * ttl_s * (1 - 1e-9)
