import pytest

from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.limits import require_batch, turn_of
from pointsman.kit.errors import InvalidArgument


def test_longest_that_is_allowed_is_taken() -> None:
    turn = turn_of("x" * 1_000_000, field="prompt", digest="x" * 2_000, scope="x" * 128)
    assert turn == Turn("x" * 1_000_000, "x" * 2_000, "x" * 128)
    assert len(require_batch(["x"] * 64)) == 64


@pytest.mark.parametrize(
    ("text", "digest", "scope", "reason", "param"),
    [
        pytest.param("", "", "", "invalid_value", "prompt.text", id="empty"),
        pytest.param("x" * 1_000_001, "", "", "context_length_exceeded", "prompt.text", id="long text"),
        pytest.param("x", "x" * 2_001, "", "invalid_value", "prompt.context_digest", id="long digest"),
        pytest.param("x", "", "x" * 129, "invalid_value", "prompt.cache_scope", id="long scope"),
    ],
)
def test_what_is_beyond_is_refused_by_name(text: str, digest: str, scope: str, reason: str, param: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        turn_of(text, field="prompt.text", digest=digest, scope=scope, within="prompt.")
    assert (refusal.value.reason, refusal.value.param) == (reason, param)
    assert "xx" not in refusal.value.message


@pytest.mark.parametrize("count", [0, 65])
def test_batch_out_of_its_limits_is_refused(count: int) -> None:
    with pytest.raises(InvalidArgument, match=f"{count} given"):
        require_batch(["x"] * count)
