import numpy as np
import pytest

from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.fusion import Strategy
from pointsman.learning.data.training_data import TrainingData
from pointsman.learning.measuring.evaluation import bootstrap_interval, calibration_error, judge_all, summary
from tests.fakes.tiny_training import NO_RULES


def test_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    few, many = np.arange(20) % 4 > 0, np.arange(2_000) % 4 > 0

    low, high = bootstrap_interval(few)
    narrow_low, narrow_high = bootstrap_interval(many)

    assert low < 0.75 < high
    assert narrow_high - narrow_low < (high - low) / 3
    assert bootstrap_interval(few) == [low, high]


@pytest.mark.parametrize(("confidence", "expected"), [(0.75, 0.0), (0.95, 0.2), (1.0, 0.25)])
def test_calibration_error_is_the_gap_between_confidence_and_accuracy(confidence: float, expected: float) -> None:
    right = np.arange(400) % 4 > 0

    assert calibration_error(np.full(400, confidence), right) == pytest.approx(expected, abs=1e-9)


def test_summary_counts_right_and_wrong(data: TrainingData, artifact: Artifact) -> None:
    found = summary(judge_all(artifact, NO_RULES, data.prompts, data.inputs, Strategy.SIMILARITY))

    assert found["category"]["n"] == len(data.prompts)
    assert found["category"]["accuracy"] == 1.0
    assert found["category"]["confusions"] == {}
    assert set(found["category"]["by_tag"]) == {"plain"}
    assert sum(found["difficulty"]["counts"].values()) == len(data.prompts)
