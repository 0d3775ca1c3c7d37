import numpy as np
import pytest

from pointsman.classifier.core.fusion import Strategy
from pointsman.learning.evaluation import bootstrap_interval, calibration_error, judge_all, judge_unseen, summary
from pointsman.learning.training import train_artifact
from pointsman.rules.keyword_rules import compile_rules
from tests.unit.learning.test_training import DATA

NO_RULES = compile_rules([])


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


def test_summary_counts_right_and_wrong() -> None:
    artifact = train_artifact(DATA, {})

    outcomes = judge_all(artifact, NO_RULES, DATA.prompts, DATA.inputs, Strategy.SIMILARITY)
    found = summary(outcomes)

    assert found["category"]["n"] == len(DATA.prompts)
    assert found["category"]["accuracy"] == 1.0
    assert found["category"]["confusions"] == {}
    assert set(found["category"]["by_tag"]) == {"plain"}
    assert sum(found["difficulty"]["counts"].values()) == len(DATA.prompts)


def test_unseen_prompts_are_judged_by_who_has_not_seen_them() -> None:
    # Without its category's other prompts, a prompt's category cannot be known.
    indices = [index for index, prompt in enumerate(DATA.prompts) if prompt.category == "math"]

    outcomes = judge_unseen(DATA, NO_RULES, [indices], [Strategy.SIMILARITY])["similarity"]

    assert [outcome.prompt.category for outcome in outcomes] == ["math"] * len(indices)
    assert all(outcome.judgement.category != "math" for outcome in outcomes)
