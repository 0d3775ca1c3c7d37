from pointsman.learning.data.labelled import load_own_examples
from pointsman.learning.rule_constants import TEXT_TERMS, fit_constants, mean_creativity
from pointsman.rules import difficulty
from pointsman.rules.rules_file import load_default_rules

OWN = load_own_examples()


def test_constants_in_the_rules_are_the_fitted_ones() -> None:
    found = fit_constants(OWN, load_default_rules())

    assert {name: getattr(difficulty, name) for name in TEXT_TERMS} == {name: found.pop(name) for name in TEXT_TERMS}
    assert found == difficulty.CATEGORY_OFFSETS


def test_creativity_in_the_rules_is_the_examples_mean() -> None:
    assert mean_creativity(OWN) == difficulty.CREATIVITY
