from dataclasses import replace

import numpy as np
import pytest

from pointsman.learning.graded import Observations
from pointsman.learning.labelled import fingerprint
from pointsman.learning.protocols import auroc, measure, measure_artifact, protocols_of, success_by_source, table
from pointsman.learning.training import train_artifact
from pointsman.rules.keyword_rules import compile_rules
from tests.unit.learning.test_training import DATA


def test_no_protocol_tests_on_what_it_trains_on() -> None:
    for protocol in protocols_of(DATA):
        tested = [index for test in protocol.tests for index in test]
        assert len(set(tested)) == len(tested)
        assert set(tested) < set(protocol.indices)


def test_labels_are_tested_whole_and_in_folds() -> None:
    labels = {index for index, prompt in enumerate(DATA.prompts) if not prompt.is_own}

    _, unseen, folds = protocols_of(DATA)

    assert set(unseen.tests[0]) == labels
    assert {index for test in folds.tests for index in test} == labels


def test_without_labels_only_own_examples_are_tested() -> None:
    own = replace(DATA, prompts=tuple(replace(prompt, is_own=True) for prompt in DATA.prompts))

    assert [protocol.name for protocol in protocols_of(own)] == ["own_held_out"]


def test_artifact_is_measured_only_on_labels_that_it_was_not_trained_on() -> None:
    labels = [prompt for prompt in DATA.prompts if not prompt.is_own]
    some = train_artifact(DATA, {"seen": [fingerprint(prompt.text.upper()) for prompt in labels[1:]]})
    everything = train_artifact(DATA, {"seen": [fingerprint(prompt.text) for prompt in labels]})

    found = measure_artifact(some, DATA, compile_rules([]))

    assert found is not None
    assert found["strategies"]["hybrid"]["category"]["n"] == 1
    assert measure_artifact(everything, DATA, compile_rules([])) is None


def test_figures_become_a_table_with_a_line_for_each_strategy() -> None:
    protocol = protocols_of(DATA)[0]

    lines = table({protocol.name: measure(DATA, compile_rules([]), protocol)})

    assert [line.split()[:2] for line in lines[1:]] == [["own_held_out", name] for name in ("rules", "similarity", "hybrid")]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([3.0, 2.0, 1.0, 0.0], 1.0), ([0.0, 1.0, 2.0, 3.0], 0.0), ([1.0, 1.0, 1.0, 1.0], 0.5)],
)
def test_auroc_is_the_chance_that_a_right_answer_scores_higher(scores: list[float], expected: float) -> None:
    assert auroc(np.array(scores, np.float32), np.array([True, True, False, False])) == expected


def test_difficulty_is_measured_within_sources_that_tell_enough() -> None:
    artifact = train_artifact(DATA, {})
    count = len(DATA.prompts)
    b = artifact.difficulty_head.apply(DATA.inputs)[:, 0]
    hard = b > np.median(b)
    fails_on_hard = Observations(np.arange(count), np.zeros(count, np.int64), (~hard).astype(np.float64), (("s", "m"),))
    few = Observations(np.arange(4), np.zeros(4, np.int64), np.array([1.0, 0.0, 1.0, 0.0]), (("few", "m"),))

    assert success_by_source(artifact, DATA.inputs, fails_on_hard) == {"s": {"models": 1, "auroc": 1.0}}
    assert success_by_source(artifact, DATA.inputs, few) == {}
