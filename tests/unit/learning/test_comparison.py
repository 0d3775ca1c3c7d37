from dataclasses import replace

import numpy as np

from pointsman.classifier.core.fusion import rule_evidence
from pointsman.learning.comparison import by_rules
from pointsman.learning.data.training_data import TrainingData
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from pointsman.rules.rules_file import load_default_rules

TEXTS = ("Write a poem about the sea", "zzz", "Prove that 2 + 2 = 4", "")


def test_rules_are_compared_by_what_they_say_also_where_none_matches(data: TrainingData) -> None:
    matches = [load_default_rules().match(text) for text in TEXTS]
    evidence = np.array([rule_evidence(match, BUILT_IN_CATEGORIES) for match in matches])

    found = by_rules(replace(data, evidence=evidence), np.arange(len(TEXTS)))

    assert [BUILT_IN_CATEGORIES[number] for number in found] == [match.category for match in matches]
    assert [bool(match.matched) for match in matches] == [True, False, True, False]
