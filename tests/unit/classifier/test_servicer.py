import pytest

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.classifier.core.fusion import Difficulty, Method, Strategy
from pointsman.classifier.servicer import DIFFICULTIES, METHODS, STRATEGIES, asked_turn, duration, strategy_of
from pointsman.kit.errors import InvalidArgument


@pytest.mark.parametrize(
    ("prompt", "reason", "param"),
    [
        pytest.param(pb.PromptInput(), "invalid_value", "prompt.text", id="empty"),
        pytest.param(pb.PromptInput(text="x" * 1_000_001), "context_length_exceeded", "prompt.text", id="too long"),
        pytest.param(pb.PromptInput(text="x", context_digest="x" * 2_001), "invalid_value", "prompt.context_digest", id="long digest"),
    ],
)
def test_prompt_out_of_its_limits_is_refused_by_field_and_not_echoed(prompt: pb.PromptInput, reason: str, param: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        asked_turn(prompt, "prompt")
    assert (refusal.value.reason, refusal.value.param) == (reason, param)
    assert "xx" not in refusal.value.message


@pytest.mark.parametrize("text", ["x", " ", "x" * 1_000_000], ids=["shortest", "blank", "longest"])
def test_prompt_within_its_limits_is_taken(text: str) -> None:
    assert asked_turn(pb.PromptInput(text=text, context_digest="before"), "prompt").text == text


def test_strategy_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        strategy_of(pb.ClassifyPromptRequest(strategy=99).strategy)  # type: ignore[arg-type]  # what another language may send


def test_every_choice_has_its_counterpart() -> None:
    assert set(STRATEGIES) == set(pb.Strategy.values())
    assert set(STRATEGIES.values()) == set(Strategy)
    assert {0, *DIFFICULTIES.values()} == set(pb.Difficulty.values())
    assert set(DIFFICULTIES) == set(Difficulty)
    assert {0, *METHODS.values()} == set(pb.ClassificationMethod.values())
    assert set(METHODS) == set(Method)


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, (0, 0)), (0.0024, (0, 2_400_000)), (1.5, (1, 500_000_000))])
def test_duration_is_exact_to_the_nanosecond(seconds: float, expected: tuple[int, int]) -> None:
    assert (duration(seconds).seconds, duration(seconds).nanos) == expected
